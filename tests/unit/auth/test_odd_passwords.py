"""Passwords that a stored one cannot be compared with are wrong, and nothing else: a 454 would tell who exists."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gsubmit.auth import libcrypt
from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.passdb import UnknownUser
from gsubmit.auth.passdbs.passwdfile import PasswdFile
from gsubmit.auth.schemes.keys import cram_keys, scram_keys
from gsubmit.auth.schemes.stored import hash_password, parse
from gsubmit.sasl.claims import Cleartext, Denied, KeysWanted
from tests.unit.auth.answering import ORIGIN, compared

LONG = "x" * (libcrypt.MAX_PASSWORD + 1)
YESCRYPT = (libcrypt.crypt(b"secret", b"$y$j9T$abcdefgh$") or b"").decode()
SLOW = "$6$rounds=656000$0123456789abcdef$" + "a" * 86
BCRYPT_2X = "$2x$04$abcdefghijklmnopqrstuuUmWaTWQUvmSXaaNBzbLUsyFnhrVnFbS"


@pytest.mark.parametrize(
    ("stored", "password"),
    [
        pytest.param(
            YESCRYPT, LONG, id="longer than crypt(3) takes", marks=pytest.mark.skipif(not YESCRYPT, reason="")
        ),
        pytest.param(SLOW, LONG, id="longer than crypt(3) takes, and slow without it"),
        pytest.param(BCRYPT_2X, "pässword", id="bcrypt 2x"),
    ],
)
def test_known_and_unknown_users_are_refused_alike(tmp_path: Path, stored: str, password: str) -> None:
    (tmp_path / "users").write_text(f"known:{stored}\n")
    passdb = PasswdFile.from_args(f"{tmp_path}/users", Means(VerifiedCache(0, 0)))
    begun = time.process_time()
    with pytest.raises(Denied, match="password mismatch"):
        passdb.verify(Cleartext("known", password), ORIGIN)
    assert time.process_time() - begun < 0.2
    with pytest.raises(UnknownUser):
        passdb.verify(Cleartext("unknown", password), ORIGIN)


@pytest.mark.parametrize("scheme", ["BLF-CRYPT", "ARGON2ID"])
def test_hashes_of_any_length_still_compare(scheme: str) -> None:
    """crypt(3) looks at 72 octets of a password for bcrypt, and has no part in argon2."""
    kept = LONG[:72] if scheme == "BLF-CRYPT" else LONG
    stored = hash_password(scheme, kept, 4 if scheme == "BLF-CRYPT" else 1)
    assert compared(stored, LONG)


@pytest.mark.parametrize("stored", ["{PLAIN}", "{CLEARTEXT}", "{PLAIN.b64}", "{PLAIN.hex}"])
def test_nobody_has_the_empty_password(tmp_path: Path, stored: str) -> None:
    """PLN-4: no client can send it with PLAIN, but one could prove to know it."""
    assert cram_keys(parse(stored, "CRYPT")) is None
    assert scram_keys(parse(stored, "CRYPT"), "SCRAM-SHA-256", b"salt", 4096) is None
    (tmp_path / "users").write_text(f"known:{stored}\n")
    passdb = PasswdFile.from_args(f"{tmp_path}/users", Means(VerifiedCache(0, 0)))
    with pytest.raises(Denied, match="no password that CRAM-MD5 could use"):
        passdb.verify(KeysWanted("known", scheme="CRAM-MD5"), ORIGIN)
