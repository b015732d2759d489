"""Sieve scripts on mail that goes out: the message as they see it."""
