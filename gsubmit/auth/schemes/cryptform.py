"""The form of hashes of crypt(3) and argon2, to find without computing one that no password can match."""

from __future__ import annotations

import re
from collections.abc import Mapping

NO_HASH = "not a hash that crypt(3) knows (a password as it is stands behind {PLAIN})"
MALFORMED = "malformed hash: too short, too long, or with characters that it cannot have"

_B64 = "[./0-9A-Za-z]"

# By how they begin; what begins otherwise with a dollar sign is not judged.
_FORMS: Mapping[str, re.Pattern[str]] = {
    "$1$": re.compile(rf"\$1\$[^$]{{0,8}}\${_B64}{{22}}"),
    "$2": re.compile(rf"\$2[abxy]?\$[0-9]{{2}}\${_B64}{{53}}"),
    "$5$": re.compile(rf"\$5\$(rounds=[0-9]+\$)?[^$]{{0,16}}\${_B64}{{43}}"),
    "$6$": re.compile(rf"\$6\$(rounds=[0-9]+\$)?[^$]{{0,16}}\${_B64}{{86}}"),
    "$y$": re.compile(rf"\$y\${_B64}+\${_B64}*\${_B64}{{43}}"),
    "$argon2": re.compile(r"\$argon2(?:id|i|d)(?:\$[^$]+){2,4}"),
}
_OLD = re.compile(rf"{_B64}{{13}}|_{_B64}{{19}}")  # DES, and BSDi's
_KINDS = {"BLF-CRYPT": "$2", "MD5-CRYPT": "$1$", "ARGON2": "$argon2", "ARGON2I": "$argon2", "ARGON2ID": "$argon2"}
SCHEMES = frozenset({"CRYPT", "DES-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", *_KINDS})


def is_hash(text: str) -> bool:
    """Whether it looks like a hash, or the mark of a locked account (shadow(5))."""
    return text.startswith(("$", "!", "*")) or _OLD.fullmatch(text) is not None


def fault(scheme: str, text: str) -> str:
    """What is wrong with the content of one of SCHEMES; empty where nothing is seen."""
    if not is_hash(text):
        return NO_HASH
    if not text.startswith("$"):
        return ""
    if not text.startswith(_KINDS.get(scheme, "$")):
        return "hash is of another kind than its scheme"
    form = next((form for beginning, form in _FORMS.items() if text.startswith(beginning)), None)
    return MALFORMED if form is not None and not form.fullmatch(text) else ""
