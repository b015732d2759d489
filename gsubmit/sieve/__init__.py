"""Sieve (RFC 5228 and extensions): a script and a message in, what is to be done out. It knows nothing of servers."""
