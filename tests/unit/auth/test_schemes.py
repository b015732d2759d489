"""Stored passwords of every scheme, and those nobody can read."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys

import pytest
from passlib.hash import argon2, bcrypt, des_crypt, md5_crypt, sha256_crypt, sha512_crypt

from gsubmit.auth.schemes import SCHEMES, SchemeError, is_cheap, parse, verify

# Of Dovecot's self-test.
PASSWORD = "08/15!test~4711"
SHA256_CRYPT = "$5$rounds=1000$0123456789abcdef$K/DksR0DT01hGc8g/kt9McEgrbFMKi9qrb1jehe7hn4"
SHA512_CRYPT = (
    "$6$rounds=1000$0123456789abcdef$"
    "ZIAd5WqfyLkpvsVCVUU1GrvqaZTqvhJoouxdSqJO71l9Ld3tVrfOatEjarhghvEYADkq//LpDnTeO90tcbtHR1"
)
BCRYPT = bcrypt.using(rounds=4).hash(PASSWORD)
ARGON2 = argon2.using(rounds=1, memory_cost=64, parallelism=1)


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def sha(name: str, text: str = PASSWORD) -> bytes:
    return hashlib.new(name, text.encode()).digest()


STORED = [
    pytest.param("{PLAIN}" + PASSWORD, id="PLAIN"),
    pytest.param("{plain}" + PASSWORD, id="scheme in lower case"),
    pytest.param("{CLEAR}" + PASSWORD, id="CLEAR"),
    pytest.param("{CLEARTEXT}" + PASSWORD, id="CLEARTEXT"),
    pytest.param("{PLAIN.b64}" + b64(PASSWORD.encode()), id="PLAIN.b64"),
    pytest.param("{PLAIN.BASE64}" + b64(PASSWORD.encode()), id="PLAIN.BASE64"),
    pytest.param("{PLAIN.hex}" + PASSWORD.encode().hex(), id="PLAIN.hex"),
    pytest.param("{SHA}" + b64(sha("sha1")), id="SHA"),
    pytest.param("{SHA1}" + sha("sha1").hex(), id="SHA1 is hexadecimal by its length"),
    pytest.param("{SHA256}" + b64(sha("sha256")), id="SHA256"),
    pytest.param("{SHA256}" + sha("sha256").hex().upper(), id="SHA256 hexadecimal in upper case"),
    pytest.param("{SHA512}" + b64(sha("sha512")), id="SHA512"),
    pytest.param("{SHA512.HEX}" + sha("sha512").hex(), id="SHA512.HEX"),
    pytest.param("{SSHA}" + b64(sha("sha1", PASSWORD + "salt") + b"salt"), id="SSHA"),
    pytest.param("{SSHA256}" + b64(sha("sha256", PASSWORD + "salt" * 9) + b"salt" * 9), id="SSHA256 long salt"),
    pytest.param("{SSHA512}" + b64(sha("sha512", PASSWORD + "salt") + b"salt"), id="SSHA512"),
    pytest.param("{SSHA512.hex}" + (sha("sha512", PASSWORD + "salt") + b"salt").hex(), id="SSHA512.hex"),
    pytest.param(SHA256_CRYPT, id="default scheme, $5$"),
    pytest.param("{CRYPT}" + SHA512_CRYPT, id="CRYPT $6$"),
    pytest.param("{SHA256-CRYPT}" + SHA256_CRYPT, id="SHA256-CRYPT"),
    pytest.param("{SHA512-CRYPT}" + SHA512_CRYPT, id="SHA512-CRYPT"),
    pytest.param("{SHA512-CRYPT.b64}" + b64(SHA512_CRYPT.encode()), id="SHA512-CRYPT.b64"),
    pytest.param("{BLF-CRYPT}" + BCRYPT, id="BLF-CRYPT"),
    *[pytest.param(f"{{CRYPT}}$2{kind}${BCRYPT[4:]}", id=f"CRYPT $2{kind}$") for kind in "abxy"],
    pytest.param("{ARGON2ID}" + ARGON2.using(type="ID").hash(PASSWORD), id="ARGON2ID"),
    pytest.param("{ARGON2I}" + ARGON2.using(type="I").hash(PASSWORD), id="ARGON2I"),
    pytest.param("{CRYPT}" + md5_crypt.hash(PASSWORD), id="CRYPT $1$"),
    pytest.param("{CRYPT}JBOZ0DgmtucwE", id="CRYPT DES"),
]


@pytest.mark.parametrize("stored", STORED)
def test_right_and_wrong_password(stored: str) -> None:
    assert verify(stored, "CRYPT", PASSWORD)
    assert not verify(stored, "CRYPT", "x" + PASSWORD)
    assert not verify(stored, "CRYPT", "")


@pytest.mark.parametrize("stored", STORED)
def test_nul_never_matches(stored: str) -> None:
    assert not verify(stored, "CRYPT", PASSWORD + "\0")
    assert not verify(stored, "CRYPT", "\0")


@pytest.mark.parametrize(
    ("stored", "default", "password"),
    [
        pytest.param(PASSWORD, "PLAIN", PASSWORD, id="PLAIN"),
        pytest.param(PASSWORD, "plain", PASSWORD, id="in lower case"),
        pytest.param(PASSWORD.encode().hex(), "PLAIN.hex", PASSWORD, id="with an encoding"),
        pytest.param("{PLAIN}x", "SHA256", "x", id="prefix counts more"),
        pytest.param("{PLAIN}{x}", "SHA256", "{x}", id="only the first braces are a prefix"),
        pytest.param("{open", "PLAIN", "{open", id="brace without an end is no prefix"),
        pytest.param(md5_crypt.hash("x"), "SHA256", "x", id="$1$ is always MD5-CRYPT"),
        pytest.param("{PLAIN}pässword", "CRYPT", "pässword", id="UTF-8"),
        pytest.param(sha512_crypt.using(rounds=1000).hash("pässword"), "CRYPT", "pässword", id="UTF-8 in crypt"),
    ],
)
def test_default_scheme(stored: str, default: str, password: str) -> None:
    assert verify(stored, default, password)


def test_bcrypt_ignores_what_follows_72_octets() -> None:
    stored = bcrypt.using(rounds=4).hash("x" * 72)
    assert verify(stored, "CRYPT", "x" * 72)
    assert verify(stored, "CRYPT", "x" * 100)
    assert not verify(stored, "CRYPT", "x" * 71)


@pytest.mark.parametrize("stored", ["", "!", "*", "!!", "!" + SHA512_CRYPT, "*LK*", "{CRYPT}", "{SHA512-CRYPT}!"])
def test_locked_account(stored: str) -> None:
    assert not verify(stored, "CRYPT", "!")
    assert not verify(stored, "CRYPT", PASSWORD)


MALFORMED = [
    pytest.param("{NO-SUCH}secret", id="unknown scheme"),
    pytest.param("{}secret", id="empty scheme"),
    pytest.param("{SSHA.rot13}secret", id="unknown encoding"),
    pytest.param("{PLAIN.b64}secret!", id="bad base64"),
    pytest.param("{PLAIN.b64}sécret", id="base64 that is not ASCII"),
    pytest.param("{PLAIN.hex}secret", id="bad hexadecimal"),
    pytest.param("{SHA256}c2VjcmV0", id="digest too short"),
    pytest.param("{SHA256}", id="no digest"),
    pytest.param("{SHA256}" + b64(sha("sha256") + b"salt"), id="salt where none belongs"),
    pytest.param("{SSHA}c2VjcmV0", id="salted digest too short"),
    pytest.param("secret", id="nothing that crypt knows"),
    pytest.param("$y$j9T$secret$secret", id="yescrypt"),
    pytest.param("$2y$05$secret", id="bcrypt too short"),
    pytest.param("$2y$99$" + BCRYPT[7:], id="bcrypt cost out of range"),
    pytest.param("$6$secret", id="SHA512-CRYPT without a digest"),
    pytest.param("$6$rounds=secret$a$b", id="rounds not a number"),
    pytest.param("$argon2id$v=19$secret", id="argon2 cut off"),
    pytest.param("$5$säcret$secret", id="hash that is not ASCII"),
    pytest.param("{SHA256-CRYPT}" + SHA512_CRYPT, id="another kind than the scheme"),
]


@pytest.mark.parametrize("stored", MALFORMED)
def test_malformed(stored: str) -> None:
    with pytest.raises(SchemeError) as error:
        verify(stored, "CRYPT", PASSWORD)
    for caught in (error.value, error.value.__cause__):
        assert "ecret" not in str(caught)
    assert PASSWORD not in str(error.value)


def test_what_is_cheap() -> None:
    cheap = {name for name in SCHEMES if is_cheap(f"{{{name}.hex}}00", "CRYPT")}
    assert cheap == {name for name in SCHEMES if re.fullmatch(r"PLAIN|CLEAR|CLEARTEXT|S?SHA(1|256|512)?", name)}


def test_stored_password_is_not_shown() -> None:
    assert "secret" not in repr(parse("{PLAIN}secret", "CRYPT"))


def test_import_without_warnings() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", "import gsubmit.auth.schemes"], check=True)


@pytest.mark.skipif(shutil.which("doveadm") is None, reason="doveadm is not installed")
@pytest.mark.parametrize("name", [*sorted(SCHEMES), "SSHA256.hex", "SSHA.b64", "SHA512-CRYPT.b64", "PLAIN.hex"])
def test_agrees_with_dovecot(name: str) -> None:
    made = subprocess.run(["doveadm", "pw", "-s", name, "-p", PASSWORD], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"this doveadm has no {name}")
    stored = made.stdout.strip()
    assert verify(stored, "CRYPT", PASSWORD)
    assert not verify(stored, "CRYPT", PASSWORD + "x")


@pytest.mark.skipif(shutil.which("doveadm") is None, reason="doveadm is not installed")
@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("{CRYPT}" + sha256_crypt.using(rounds=1000).hash(PASSWORD), id="SHA256"),
        pytest.param("{CRYPT}" + sha512_crypt.using(rounds=1000).hash(PASSWORD), id="SHA512"),
        pytest.param("{CRYPT}" + BCRYPT, id="bcrypt"),
        pytest.param("{CRYPT}" + des_crypt.hash(PASSWORD), id="DES"),
        pytest.param("{CRYPT}" + md5_crypt.hash(PASSWORD), id="MD5"),
    ],
)
def test_dovecot_agrees_with_us(stored: str) -> None:
    assert verify(stored, "CRYPT", PASSWORD)
    subprocess.run(["doveadm", "pw", "-t", stored, "-p", PASSWORD], check=True, capture_output=True)
