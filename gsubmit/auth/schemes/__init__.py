"""Stored passwords: `{SCHEME}content`, as Dovecot writes them. Compared with a password, made, turned into keys."""

from gsubmit.auth.schemes.cost import DEFAULT_LIMITS, Limits
from gsubmit.auth.schemes.keys import cram_keys, scram_keys
from gsubmit.auth.schemes.scheme import Incomparable, SchemeError
from gsubmit.auth.schemes.stored import Rules, StoredPassword, choose, hash_password, parse
from gsubmit.auth.schemes.table import SCHEMES, WEAK

__all__ = [
    "DEFAULT_LIMITS",
    "SCHEMES",
    "WEAK",
    "Incomparable",
    "Limits",
    "Rules",
    "SchemeError",
    "StoredPassword",
    "choose",
    "cram_keys",
    "hash_password",
    "parse",
    "scram_keys",
]
