"""BURL (RFC 4468): content that the client names by an IMAP URL, and this server fetches."""
