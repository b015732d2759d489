"""Passwords that are not UTF-8: the octets as they were sent, with whatever they were stored as."""

from __future__ import annotations

import hmac
from pathlib import Path

import pytest

from gsubmit.auth.chain import build_chain
from gsubmit.auth.passdb import Origin
from gsubmit.auth.schemes.keys import cram_keys, scram_keys
from gsubmit.auth.schemes.scheme import encoded
from gsubmit.auth.schemes.stored import StoredPassword, parse
from gsubmit.auth.schemes.table import SCHEMES
from gsubmit.sasl import md5state
from gsubmit.sasl.claims import Cleartext, CramKeys, Denied, octets_of, text_from
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.login import AuthSettings, PasswordSettings, UsernameSettings
from gsubmit.settings.sections import Settings
from tests.unit.auth.answering import admitted

LATIN1, UTF8 = "café".encode("latin-1"), "café".encode()
ORIGIN = Origin(mechanism="PLAIN", remote_ip="192.0.2.1", local_ip="192.0.2.2")
ROUNDS = {"BLF-CRYPT": 4, "ARGON2ID": 1, "ARGON2I": 1, "ARGON2": 1, "SCRAM-SHA-1": 4096, "SCRAM-SHA-256": 4096}
NOT_OCTETS = {"SCRAM-SHA-1", "SCRAM-SHA-256"}  # SASLprep is of UTF-8


@pytest.mark.parametrize("octets", [LATIN1, b"\xff", b"\xed\xa0\x80", "日本".encode("shift-jis"), UTF8, b"x"])
def test_octets_come_back(octets: bytes) -> None:
    assert octets_of(text_from(octets)) == octets


NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name.startswith("ARGON2") else name
    for name in sorted(SCHEMES.keys() - NOT_OCTETS)
]


@pytest.mark.parametrize("name", NAMES)
def test_schemes(name: str) -> None:
    scheme = SCHEMES[name]
    rounds = ROUNDS.get(name, scheme.rounds.least if scheme.rounds else 0)
    for stored in (LATIN1, UTF8):
        content = scheme.make(stored, rounds, "tim")
        hashed = StoredPassword(name, content)
        for sent in (LATIN1, UTF8, b"caf", b"caf\xea"):
            expected = sent == stored
            assert hashed.matches(text_from(sent), "tim") is expected, (stored, sent)


@pytest.mark.parametrize("name", sorted(NOT_OCTETS))
def test_scram_takes_none(name: str) -> None:
    """It is a wrong password, and no fault."""
    hashed = StoredPassword(name, SCHEMES[name].make(UTF8, 4096, ""))
    assert not hashed.matches(text_from(LATIN1))
    assert hashed.matches(text_from(UTF8))
    assert scram_keys(parse("{PLAIN}caf\udce9", "PLAIN"), name, b"salt", 4096) is None


def test_cram_md5_of_a_stored_password() -> None:
    keys = cram_keys(parse("{PLAIN}caf\udce9", "PLAIN"))
    assert isinstance(keys, CramKeys)
    assert md5state.digest(keys, b"challenge") == hmac.digest(LATIN1, b"challenge", "md5")


@pytest.mark.parametrize("scheme", ["PLAIN", "SHA512-CRYPT", "SSHA256"])
@pytest.mark.parametrize("cache", [0, 100_000])
def test_passwd_file(tmp_path: Path, scheme: str, cache: int) -> None:
    content = SCHEMES[scheme].make(LATIN1, 1000, "")
    stored = encoded(content, SCHEMES[scheme].encoding) if scheme != "PLAIN" else text_from(content)
    line = f"tim:{{{scheme}}}{stored}:::André::\n"
    (tmp_path / "users").write_bytes(line.encode("latin-1", "ignore") if scheme != "PLAIN" else octets_of(line))
    passdbs = (PassdbSettings("passwd-file", f"{tmp_path}/users"),)
    chain = build_chain(Settings(passdbs=passdbs, auth=AuthSettings(passwords=PasswordSettings(auth_cache_size=cache))))
    for _ in range(2):
        assert admitted(chain.verify(Cleartext("tim", text_from(LATIN1)), ORIGIN)).user == "tim"
        for user in ("tim", "stranger"):
            with pytest.raises(Denied):
                chain.verify(Cleartext(user, text_from(UTF8)), ORIGIN)


@pytest.mark.parametrize("characters", ["", "abc\udce9"])
@pytest.mark.parametrize(
    ("user", "acts_for"), [("caf\udce9", ""), ("tim", "\udce9"), ("a*\udce9", ""), ("\udce9*a", "")]
)
def test_nobody_has_a_name_that_is_not_utf8(characters: str, user: str, acts_for: str) -> None:
    """Log, relay and passdbs take names as text. `static` would say yes to everybody."""
    passdbs = (PassdbSettings("static", "password=x"), PassdbSettings("static", "password=x", master=True))
    usernames = UsernameSettings(auth_username_chars=characters, auth_master_user_separator="*")
    chain = build_chain(Settings(passdbs=passdbs, auth=AuthSettings(usernames=usernames)))
    with pytest.raises(Denied):
        chain.verify(Cleartext(user, "x", authorization_id=acts_for), ORIGIN)
