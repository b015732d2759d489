"""Stored passwords: `{SCHEME}content`, as Dovecot writes them. Compared with a password, made, turned into keys."""
