"""SASL mechanisms (RFC 4422). An exchange yields challenges, asks an authority, and returns who it is."""
