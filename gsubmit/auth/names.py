"""User names as a client sends them, and as passdbs, logs and relay see them."""

from __future__ import annotations

import string

from gsubmit.auth.passdb import Denied

USERNAME_CHARS = frozenset(string.ascii_letters + string.digits + ".-_@")  # Dovecot's auth_username_chars


def canonical(name: str) -> str:
    """The name in lower case (Dovecot's auth_username_format `%Lu`); Denied if a character is not allowed in names."""
    if not USERNAME_CHARS.issuperset(name):
        raise Denied("character not allowed in user name")
    return name.lower()
