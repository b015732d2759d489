"""AUT-24: what is said about an unknown user is, octet for octet, what is said about a wrong password."""

from __future__ import annotations

import re

import pytest

from tests.harness.loginclient import MECHANISMS, Kind, Talk, Who, challenge, encoded
from tests.harness.oauth import rsa_key, token
from tests.logins.conftest import House, user_of

TLS = Kind("127.0.0.2", "implicit")
TYPED = ["PLAIN", "LOGIN", "CRAM-MD5"]
SCRAM = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1"]
STRANGERS = ["nobody@example.org", "n\xf6 body", "clerk", "nobody*clerk"]


def form(reply: str) -> str:
    """A reply with what is new in each exchange replaced by its length."""
    if not reply.startswith("334 "):
        return reply
    text = challenge(reply).decode()
    text = re.sub(r"(?<=r=)[^,]+|(?<=s=)[^,]+|\d+\.\d+(?=@)", lambda found: "*" * len(found[0]), text)
    return f"334 {text if text.startswith('r=') else re.sub('[*]+', '*', text)}"  # numbers may be of any length


def replies(house: House, mechanism: str, who: Who, kind: Kind = TLS) -> list[str]:
    """All that is said to the client in a login, from EHLO on."""
    with house.talk(kind) as talk:
        MECHANISMS[mechanism](talk, who)
        return [form(reply) for reply in talk.replies[2:]]


@pytest.mark.parametrize("mechanism", [*TYPED, *SCRAM])
@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers(house: House, mechanism: str, stranger: str) -> None:
    wrong = replies(house, mechanism, Who(user_of("PLAIN"), "wrong"))
    assert wrong[-1] == "535 5.7.8 Authentication failed"
    assert replies(house, mechanism, Who(stranger, "wrong")) == wrong


@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize("scheme", ["SCRAM-SHA-256", "SCRAM-SHA-1", "ARGON2ID", "CRAM-MD5"])
def test_no_scheme_shows(house: House, mechanism: str, scheme: str) -> None:
    """SCR-11, SCR-12: nor does it show by what scheme somebody's password is stored."""
    wrong = replies(house, mechanism, Who(user_of("PLAIN"), "wrong"))
    assert replies(house, mechanism, Who(user_of(scheme), "wrong")) == wrong


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1"])
@pytest.mark.parametrize("user", [user_of("PLAIN"), user_of("SCRAM-SHA-256"), user_of("ARGON2ID"), "nobody"])
def test_salts_stay(house: House, mechanism: str, user: str) -> None:
    """SCR-11: each time the same, for each user another one."""

    def salt(talk: Talk, name: str) -> bytes:
        first = challenge(talk.say(f"AUTH {mechanism} {encoded(f'n,,n={name},r=abcdefghijkl')}"))
        assert talk.say("*").startswith("501 5.7.0 ")
        found = re.search(rb",s=([^,]+)", first)
        assert found is not None
        return found[1]

    with house.talk(TLS) as talk:
        assert salt(talk, user) == salt(talk, user)
        assert salt(talk, user) != salt(talk, "stranger")


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_tokens(house: House, mechanism: str) -> None:
    """A token says itself whose it is; whether there is such a user it does not tell."""
    wrong = replies(house, mechanism, Who("joe", token(rsa_key("another"), email="joe")))
    assert wrong[-1] == "535 5.7.8 Authentication failed"
    assert replies(house, mechanism, Who("nobody", token(rsa_key("another"), email="nobody"))) == wrong
    assert replies(house, mechanism, Who("nobody", token(rsa_key(), email="joe"))) == wrong
    assert replies(house, mechanism, Who("joe", "b2xk")) == wrong


def test_certificates(house: House) -> None:
    kind = Kind("127.0.0.2", "implicit", certificate=house.certificate("joe"))
    wrong = replies(house, "EXTERNAL", Who("", "", user_of("PLAIN")), kind)
    assert wrong[-1] == "535 5.7.8 Authentication failed"
    assert replies(house, "EXTERNAL", Who("", "", "nobody"), kind) == wrong
    nobody = Kind("127.0.0.2", "implicit", certificate=house.certificate("nobody"))
    assert replies(house, "EXTERNAL", Who("", ""), nobody) == wrong
