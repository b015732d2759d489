"""Stored passwords of every scheme, and those nobody can read."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys

import pytest
from passlib.hash import argon2, bcrypt, hex_md4, md5_crypt, sha512_crypt

from gsubmit.auth import libcrypt
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.stored import parse
from gsubmit.auth.schemes.table import SCHEMES, WEAK

# Of Dovecot's self-test.
PASSWORD = "08/15!test~4711"
SHA256_CRYPT = "$5$rounds=1000$0123456789abcdef$K/DksR0DT01hGc8g/kt9McEgrbFMKi9qrb1jehe7hn4"
SHA512_CRYPT = (
    "$6$rounds=1000$0123456789abcdef$"
    "ZIAd5WqfyLkpvsVCVUU1GrvqaZTqvhJoouxdSqJO71l9Ld3tVrfOatEjarhghvEYADkq//LpDnTeO90tcbtHR1"
)
BCRYPT = bcrypt.using(rounds=4).hash(PASSWORD)
ARGON2 = argon2.using(rounds=1, memory_cost=64, parallelism=1)


# Made by Dovecot 2.3.19 of the password "secret", for user@example.org where that matters.
DOVECOT = [
    "{PLAIN-TRUNC}6-secret",
    "{CRYPT}$2y$05$pqkTkSPPBqqm8rf5fF5OyOU8W.Q30lwh.cJeDKZP.sxxd6RC1qwiS",
    "{BLF-CRYPT}$2y$05$Dzv1P3nYq8iu9yPb0NRmOOx5W5DRTUMeoyVfapj1/6mWGowWUSWJS",
    "{DES-CRYPT}y2JyPfgxrd4eA",
    "{MD5-CRYPT}$1$Wkn3NgN1$CWF4khMvOqo/9nykZxYBM0",
    "{MD5}$1$cHQp7D5s$MZQ4mbEATFilAqKJL3nGc/",
    "{SHA256-CRYPT}$5$UKVFe1x8U4ZjcSpi$J9YPkWRdLBEKKD9HqcabGjQ.SsDExGKz.kylF35lnN.",
    "{SSHA}UgIbA7NS7QVOHuLWVG2+NwsOITz3vDjo",
    "{SSHA256}2YF3kpF2WTiV0xaRov2s6Ram7xme8GSZTiCeX/d0dq3K7xpO",
    "{SMD5}Pdvp7v5aSwTfd1ryb0wNhg9gCU8=",
    "{LDAP-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
    "{PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69",
    "{PLAIN-MD4}67d3dafef63ff00603aeef3769cfbf0d",
    "{CRAM-MD5}cd3ba7deaad6e5ca23448ba42e379747a9e0f7f1fbc00c8a81bbaac395731b56",
    "{HMAC-MD5}cd3ba7deaad6e5ca23448ba42e379747a9e0f7f1fbc00c8a81bbaac395731b56",
    "{DIGEST-MD5}a9832fed4a7567b40e43443f9f30c272",
    "{SCRAM-SHA-1}4096,OYG8BNW3X4NodCoFc0cjNQ==,F4qh7dDDdo/QAHPbULDJ+DZkHp0=,X3uj6KpG2u9Ckaoe5E7OafpXpi0=",
    "{SCRAM-SHA-256}4096,S6BC3MPodijqI+bLNEZSkw==,tuxRY+JFZiLTIayZV7w1ai4g6Y4KqFBvgxZ/zMc4944=,"
    "KwhtvQadW9mzBqsr+tn0Xtyxe9YcqzO/7K1KY45Y528=",
    "{PBKDF2}$1$O0mGIN/dB7/F5jcp$5000$d3dac02c478c3d0c092379b9c7af11157d133b4c",
    "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$86KpYOio9YJGJjYQPhMEvA$PvvEUPqLrUPhoG+IutwUGaYxIzlSEMaF5URBwFs1AyQ",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$qo81lYjvqWr0AW/GIaWeDA$MCWc1OBvh8fxDInnKLo5wF03cB+hKuIvv7EMLDvHb+U",
]


def verify(stored: str, default_scheme: str, password: str, user: str = "") -> bool:
    return parse(stored, default_scheme).matches(password, user)


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
    pytest.param("{DES-CRYPT}JBOZ0DgmtucwE", id="DES-CRYPT"),
    pytest.param("{ARGON2}" + ARGON2.using(type="ID").hash(PASSWORD), id="ARGON2"),
    pytest.param("{SHA256-CRYPT}" + SHA512_CRYPT, id="crypt(3) of another kind, as in Dovecot"),
    pytest.param("{SSHA}" + b64(sha("sha1", PASSWORD + "8 octets") + b"8 octets"), id="SSHA as long as hexadecimal"),
    pytest.param("{SSHA256}" + b64(sha("sha256", PASSWORD + "s" * 16) + b"s" * 16), id="SSHA256 likewise"),
    pytest.param("{SSHA512}" + b64(sha("sha512", PASSWORD + "s" * 32) + b"s" * 32), id="SSHA512 likewise"),
    pytest.param("{SMD5}" + b64(sha("md5", PASSWORD + "salt") + b"salt"), id="SMD5"),
    pytest.param("{PLAIN-MD5}" + sha("md5").hex(), id="PLAIN-MD5"),
    pytest.param("{PLAIN-MD5}" + b64(sha("md5")), id="PLAIN-MD5 is base64 by its length"),
    pytest.param("{LDAP-MD5}" + b64(sha("md5")), id="LDAP-MD5"),
    pytest.param("{LDAP-MD5}" + sha("md5").hex(), id="LDAP-MD5 is hexadecimal by its length"),
    pytest.param("{MD5}" + sha("md5").hex(), id="MD5 hexadecimal"),
    pytest.param("{MD5}" + b64(sha("md5")), id="MD5 base64"),
    pytest.param("{MD5}" + md5_crypt.hash(PASSWORD), id="MD5 of crypt"),
    pytest.param("{MD5-CRYPT}" + md5_crypt.hash(PASSWORD), id="MD5-CRYPT"),
    pytest.param(md5_crypt.hash(PASSWORD) + "$ignored", id="MD5-CRYPT with something behind it"),
    pytest.param("{PLAIN-MD4}" + hex_md4.hash(PASSWORD), id="PLAIN-MD4"),
    pytest.param(f"{{PLAIN-TRUNC}}{len(PASSWORD)}-{PASSWORD}", id="PLAIN-TRUNC"),
    pytest.param("{PLAIN-TRUNC}99-" + PASSWORD, id="PLAIN-TRUNC of another length"),
    pytest.param("{PBKDF2}$1$salt$2$" + hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), b"salt", 2).hex(), id="PBKDF2"),
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
    pytest.param("$9$secret", id="unknown kind of crypt"),
    pytest.param("$argon2x$secret", id="unknown kind of argon2"),
    pytest.param("{BLF-CRYPT}" + SHA512_CRYPT, id="another kind than BLF-CRYPT"),
    pytest.param("{MD5-CRYPT}" + SHA512_CRYPT, id="another kind than MD5-CRYPT"),
    pytest.param("{ARGON2ID}" + SHA512_CRYPT, id="another kind than ARGON2ID"),
    pytest.param(SHA512_CRYPT + "x", id="SHA512-CRYPT too long"),
    pytest.param("{CRYPT.b64}" + b64(b"$6$a\0ecret"), id="NUL in a hash"),
    pytest.param("{CRAM-MD5}" + "00" * 16, id="CRAM-MD5 too short"),
    pytest.param("{CRAM-MD5}secret", id="CRAM-MD5 not hexadecimal"),
    pytest.param("{DIGEST-MD5.hex}00", id="DIGEST-MD5 too short"),
    pytest.param("{DIGEST-MD5}" + "00" * 16, id="DIGEST-MD5 without a user"),
    pytest.param("{MD5}secret", id="MD5 of no kind"),
    pytest.param("{MD5}sécret", id="MD5 that is not ASCII"),
    pytest.param("{PLAIN-TRUNC}secret", id="PLAIN-TRUNC without length"),
    pytest.param("{PLAIN-TRUNC}0-", id="PLAIN-TRUNC without a password, which would match any"),
    pytest.param("{PBKDF2}secret", id="PBKDF2 of another form"),
    pytest.param("{PBKDF2}$1$salt$0$" + "00" * 20, id="PBKDF2 without rounds"),
    pytest.param("{PBKDF2}$1$salt$5$" + "00" * 19, id="PBKDF2 too short"),
    pytest.param("{SCRAM-SHA-1}secret", id="SCRAM of another form"),
    pytest.param("{SCRAM-SHA-1}4095,AAAA," + ",".join([b64(bytes(20))] * 2), id="SCRAM with too few iterations"),
    pytest.param("{SCRAM-SHA-1}4096,AAAA," + ",".join([b64(bytes(32))] * 2), id="SCRAM with keys too long"),
    pytest.param("{SCRAM-SHA-1}4096,AAAAA," + ",".join([b64(bytes(20))] * 2), id="SCRAM with bad base64"),
    pytest.param("$2y$05$secret", id="bcrypt too short"),
    pytest.param("$2y$99$" + BCRYPT[7:], id="bcrypt cost out of range"),
    pytest.param("$6$secret", id="SHA512-CRYPT without a digest"),
    pytest.param("$6$rounds=secret$a$b", id="rounds not a number"),
    pytest.param("$argon2id$v=19$secret", id="argon2 cut off"),
    pytest.param("$5$säcret$secret", id="hash that is not ASCII"),
]


@pytest.mark.parametrize("stored", MALFORMED)
def test_malformed(stored: str) -> None:
    with pytest.raises(SchemeError) as error:
        verify(stored, "CRYPT", PASSWORD)
    for caught in (error.value, error.value.__cause__):
        assert "ecret" not in str(caught)
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize("stored", DOVECOT, ids=lambda stored: stored[1 : stored.index("}")])
def test_made_by_dovecot(stored: str) -> None:
    assert verify(stored, "PLAIN", "secret", "user@example.org")
    assert not verify(stored, "PLAIN", "Secret", "user@example.org")


@pytest.mark.parametrize("kind", ["$1$", "$5$", "$6$", "$2y$", ""])
def test_without_libcrypt(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypt, "crypt", lambda password, setting: None)
    hashes = ["JBOZ0DgmtucwE", md5_crypt.hash(PASSWORD), SHA256_CRYPT, SHA512_CRYPT, BCRYPT]
    for stored in hashes:
        if stored.startswith(kind or "J"):
            assert verify(stored, "CRYPT", PASSWORD)
            assert not verify(stored, "CRYPT", PASSWORD[1:])
    for stored in ("$6$secret", "$y$j9T$secret$secret", "secret", "$2y$99$secret"):
        with pytest.raises(SchemeError, match="malformed"):
            verify(stored, "CRYPT", PASSWORD)


def test_yescrypt() -> None:
    """The default of Debian's /etc/shadow; passlib does not have it."""
    if libcrypt.crypt(b"x", b"$y$j75$salt") is None:
        pytest.skip("no libxcrypt")
    stored = "$y$j75$7w7CZYWiLGWtsaJKFqsyN/$o3FeRTTF4xuq7fQy5xNxvW4/MjjgA5yLbeF.mwgBRwC"
    assert verify(stored, "CRYPT", PASSWORD)
    assert not verify(stored, "CRYPT", PASSWORD[1:])


def test_password_longer_than_crypt_takes() -> None:
    stored = sha512_crypt.using(rounds=1000).hash("x" * 1024)
    assert verify(stored, "CRYPT", "x" * 1024)
    assert not verify(stored, "CRYPT", "x" * 1023)


@pytest.mark.filterwarnings("ignore::passlib.exc.PasslibHashWarning")  # pytest undoes our own filter
@pytest.mark.parametrize("with_libcrypt", [True, False])
def test_bcrypt_with_stray_bits(with_libcrypt: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some old tools left bits in the last character of the salt that are no part of it."""
    if not with_libcrypt:
        monkeypatch.setattr(libcrypt, "crypt", lambda password, setting: None)
    stored = "$2a$04$0123456789abcdefABCDEFN.drYX5yIAL1LkTaaZotW3yI0hQhZru"
    assert verify(stored, "CRYPT", PASSWORD)
    assert not verify(stored, "CRYPT", PASSWORD[1:])


def test_bcrypt_2x_with_octets_over_127() -> None:
    with pytest.raises(SchemeError, match="not ASCII"):
        verify("$2x$" + BCRYPT[4:], "CRYPT", "pässword")


@pytest.mark.parametrize(
    ("stored", "password", "expected"),
    [
        pytest.param("4-test", "testing", True, id="longer"),
        pytest.param("4-test", "test", True, id="the same"),
        pytest.param("4-test", "tes", False, id="shorter"),
        pytest.param("4-test", "toast", False, id="other"),
        pytest.param("-test", "test", True, id="without a number"),
        pytest.param("-test", "testing", False, id="longer, without a number"),
        pytest.param("2-test", "testing", False, id="longer, of another length"),
        pytest.param("5-t-e-s", "t-e-s!", True, id="with hyphens"),
        pytest.param("2-é", "é!", True, id="octets, not characters"),
    ],
)
def test_plain_trunc(stored: str, password: str, expected: bool) -> None:
    assert verify("{PLAIN-TRUNC}" + stored, "CRYPT", password) is expected


@pytest.mark.parametrize(
    ("user", "hashed"),
    [
        pytest.param("user@example.org", "user:example.org:", id="with a domain"),
        pytest.param("user", "user::", id="without"),
        pytest.param("user@", "user::", id="with an empty one"),
        pytest.param("a@b@c", "a@b:c:", id="the last @ counts"),
        pytest.param("Ä@B", "Ä:B:", id="as it is written"),
    ],
)
def test_digest_md5(user: str, hashed: str) -> None:
    stored = "{DIGEST-MD5}" + sha("md5", hashed + PASSWORD).hex()
    assert verify(stored, "CRYPT", PASSWORD, user)
    assert not verify(stored, "CRYPT", PASSWORD, user + "x")
    assert not verify(stored, "CRYPT", PASSWORD + "x", user)


def test_what_is_cheap() -> None:
    slow = {name for name in SCHEMES if not parse(f"{{{name}.hex}}00", "CRYPT").is_cheap}
    assert slow == {name for name in SCHEMES if name.startswith(("ARGON2", "SCRAM", "PBKDF2"))} | {
        name for name in SCHEMES if name.endswith("CRYPT")
    } | {"MD5"}  # fmt: skip


def test_what_is_weak() -> None:
    """Like Dovecot 2.4, which calls CRAM-MD5 and DIGEST-MD5 not weak."""
    assert set(WEAK) == {
        "DES-CRYPT", "HMAC-MD5", "LDAP-MD5", "MD5", "MD5-CRYPT", "PLAIN-MD4", "PLAIN-MD5", "SMD5"
    }  # fmt: skip
    for name in SCHEMES.keys() - {"CRYPT", "SHA256-CRYPT", "SHA512-CRYPT"}:
        assert parse(f"{{{name}.hex}}00", "CRYPT").is_weak is (name in WEAK)


@pytest.mark.parametrize(
    ("stored", "weak"),
    [
        ("{CRYPT}JBOZ0DgmtucwE", True),
        ("{CRYPT}_J9..rasmBYk8r9AiWNc", True),
        ("{CRYPT}$1$a$b", True),
        ("{CRYPT}$3$$b", True),
        ("{SHA512-CRYPT}JBOZ0DgmtucwE", True),
        ("$1$a$b", True),
        ("JBOZ0DgmtucwE", True),
        (SHA512_CRYPT, False),
        (BCRYPT, False),
        ("$y$j9T$a$b", False),
        ("!", False),
        ("*", False),
    ],
)
def test_what_is_weak_in_crypt(stored: str, weak: bool) -> None:
    assert parse(stored, "CRYPT").is_weak is weak


@pytest.mark.parametrize(
    ("stored", "name", "cleartext"),
    [
        ("{plain}secret", "PLAIN", "secret"),
        ("{CLEAR.b64}c2VjcmV0", "CLEAR", "secret"),
        ("secret", "CLEARTEXT", "secret"),
        ("{PLAIN.hex}ff", "PLAIN", None),
        ("{PLAIN-TRUNC}6-secret", "PLAIN-TRUNC", None),
        ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "SHA", None),
        ("$1$a$b", "MD5-CRYPT", None),
        ("$1$a", "CLEARTEXT", "$1$a"),
    ],
)
def test_name_and_cleartext(stored: str, name: str, cleartext: str | None) -> None:
    parsed = parse(stored, "cleartext")
    assert (parsed.name, parsed.cleartext) == (name, cleartext)


def test_stored_password_is_not_shown() -> None:
    assert "secret" not in repr(parse("{PLAIN}secret", "CRYPT"))


def test_import_without_warnings() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", "import gsubmit.auth.schemes.table"], check=True)
