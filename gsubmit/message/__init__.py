"""Message content: the spooled body, and the header fields that we read and make."""
