"""Logins as a whole: every mechanism over real sockets, on every kind of connection."""
