"""The copy of a submitted message in its sender's Sent mailbox, exactly once."""
