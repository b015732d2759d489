"""Passwords made into what is stored."""

from __future__ import annotations

import re

import pytest

from gsubmit.auth.schemes.stored import hash_password, parse
from gsubmit.auth.schemes.table import SCHEMES

LOW = {name: scheme.rounds.least for name, scheme in SCHEMES.items() if scheme.rounds is not None}
USER = "user@example.org"


ENCODED = [
    name + encoding
    for name in ("PLAIN", "SSHA256", "PLAIN-MD5", "SHA512-CRYPT", "SCRAM-SHA-1", "CRAM-MD5")
    for encoding in (".b64", ".BASE64", ".hex")
]


@pytest.mark.parametrize("scheme", [*SCHEMES, "ssha", *ENCODED])
def test_what_is_made_matches(scheme: str) -> None:
    name = scheme.upper().partition(".")[0]
    stored = hash_password(scheme, "ä secre", LOW.get(name), USER)
    assert stored.startswith(f"{{{scheme.upper()}}}")
    parsed = parse(stored, "PLAIN")
    assert parsed.name == name
    assert parsed.matches("ä secre", USER)
    assert not parsed.matches("ä Secre", USER)


@pytest.mark.parametrize(
    "name", sorted(SCHEMES.keys() - {"PLAIN", "CLEAR", "CLEARTEXT", "PLAIN-TRUNC", "ARGON2", "ARGON2I"})
)
def test_salted_or_not(name: str) -> None:
    unsalted = {"SHA", "SHA1", "SHA256", "SHA512"} | {name for name in SCHEMES if name.endswith(("MD5", "MD4"))}
    once, twice = (hash_password(name, "secret", LOW.get(name), USER) for _ in range(2))
    assert (once == twice) is (name in unsalted - {"SMD5", "MD5"})
    assert "secret" not in once


@pytest.mark.parametrize(
    ("name", "rounds", "pattern"),
    [
        ("ARGON2ID", None, r"\{ARGON2ID\}\$argon2id\$v=19\$m=65536,t=3,p=1\$[^$]{22}\$[^$]{43}"),
        ("ARGON2I", None, r"\{ARGON2I\}\$argon2i\$v=19\$m=32768,t=4,p=1\$.*"),
        ("ARGON2", 1, r"\{ARGON2\}\$argon2id\$v=19\$m=65536,t=1,p=1\$.*"),
        ("CRYPT", 4, r"\{CRYPT\}\$2y\$04\$.{53}"),
        ("BLF-CRYPT", None, r"\{BLF-CRYPT\}\$2y\$10\$.{53}"),
        ("SHA512-CRYPT", None, r"\{SHA512-CRYPT\}\$6\$(rounds=5000\$)?[^$]{16}\$.{86}"),
        ("SHA256-CRYPT", 1234, r"\{SHA256-CRYPT\}\$5\$rounds=1234\$[^$]{16}\$.{43}"),
        ("SCRAM-SHA-1", None, r"\{SCRAM-SHA-1\}4096,.*"),
        ("SCRAM-SHA-256", 10000, r"\{SCRAM-SHA-256\}10000,.*"),
        ("PBKDF2", None, r"\{PBKDF2\}\$1\$[A-Za-z0-9./]{16}\$5000\$[0-9a-f]{40}"),
        ("PBKDF2", 7, r"\{PBKDF2\}\$1\$[A-Za-z0-9./]{16}\$7\$.*"),
        ("PLAIN-TRUNC", None, r"\{PLAIN-TRUNC\}6-secret"),
    ],
)
def test_form(name: str, rounds: int | None, pattern: str) -> None:
    assert re.fullmatch(pattern, hash_password(name, "secret", rounds))


@pytest.mark.parametrize(
    ("name", "password", "rounds", "message"),
    [
        pytest.param("NO-SUCH", "secret", None, "unknown password scheme", id="unknown scheme"),
        pytest.param("OTP", "secret", None, "unknown password scheme", id="OTP"),
        pytest.param("", "secret", None, "unknown password scheme", id="no scheme"),
        pytest.param("SSHA.rot13", "secret", None, "unknown encoding", id="unknown encoding"),
        pytest.param("SSHA", "", None, "empty password", id="empty password"),
        pytest.param("SSHA", "sec\0ret", None, "NUL", id="NUL"),
        pytest.param("SSHA", "sec\udc80ret", None, "not UTF-8", id="broken UTF-8"),
        pytest.param("SSHA", "secret", 1000, "SSHA has no rounds", id="rounds that it has not"),
        pytest.param("BLF-CRYPT", "secret", 3, "BLF-CRYPT has 4 to 31 rounds", id="too few"),
        pytest.param("BLF-CRYPT", "secret", 32, "4 to 31", id="too many"),
        pytest.param("SHA512-CRYPT", "secret", 999, "1000 to 999999999", id="SHA512-CRYPT"),
        pytest.param("SCRAM-SHA-1", "secret", 4095, "4096 to 1000000", id="SCRAM"),
        pytest.param("ARGON2ID", "secret", 0, "1 to 100", id="zero"),
        pytest.param("ARGON2I", "secret", 2, "3 to 100", id="ARGON2I"),
        pytest.param("PBKDF2", "secret", -1, "1 to 100000000", id="negative"),
        pytest.param("BLF-CRYPT", "ä" * 37, None, "passwords of 72 octets at most", id="longer than bcrypt looks"),
        pytest.param("DES-CRYPT", "secret secret", None, "8 octets", id="longer than DES looks"),
        pytest.param("SHA512-CRYPT", "x" * 512, None, "511 octets", id="longer than crypt takes"),
        pytest.param("SHA256-CRYPT", "x" * 512, None, "511 octets", id="SHA256-CRYPT"),
        pytest.param("MD5-CRYPT", "x" * 512, None, "511 octets", id="MD5-CRYPT"),
        pytest.param("DIGEST-MD5", "secret", None, "name of the user", id="DIGEST-MD5 without user"),
        pytest.param("SCRAM-SHA-1", "sec\u2028ret", None, "SASLprep", id="forbidden by SASLprep"),
    ],
)
def test_what_cannot_be_made(name: str, password: str, rounds: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        hash_password(name, password, rounds)
    assert "secret" not in str(error.value) and "sec\\" not in repr(error.value.__context__)


def test_digest_md5() -> None:
    assert hash_password("DIGEST-MD5", "secret", user=USER) == "{DIGEST-MD5}a9832fed4a7567b40e43443f9f30c272"
