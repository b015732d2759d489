"""SASL mechanisms (RFC 4422). No sockets, no passdb: an exchange yields challenges and returns a verdict."""
