"""Channel bindings: each type that a connection has, and what must not be taken for one."""

from __future__ import annotations

import ssl

import pytest

from gsubmit.sasl.client import Login, answer
from gsubmit.sasl.scram import scram_client
from tests.harness.loginclient import BINDINGS, MECHANISMS, TLS_1_2, TLS_1_3, Kind, Talk, Who, challenge, encoded
from tests.logins.conftest import PASSWORD, House, user_of

USER = user_of("PLAIN")
VERSIONS = {"TLSv1.2": TLS_1_2, "TLSv1.3": TLS_1_3}
WAYS = [
    pytest.param(Kind("127.0.0.2", tls, VERSIONS[version]), name, binding, id=f"{tls}-{version}-{name}-{binding}")
    for tls in ("starttls", "implicit")
    for version, bindings in BINDINGS.items()
    for name in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS")
    for binding in bindings
]
# The certificate is the same for all connections of one server.
OWN_WAYS = [way for way in WAYS if "tls-server-end-point" not in way.values]
FAILED = "535 5.7.8 Authentication failed"


@pytest.mark.parametrize(("kind", "mechanism", "binding"), WAYS)
def test_each_type(house: House, kind: Kind, mechanism: str, binding: str) -> None:
    """CHB-1, CHB-2, CHB-3, SCR-5."""
    assert house.login(kind, mechanism, Who(USER, PASSWORD, binding=binding)) == "235 2.7.0 Logged in"
    assert house.login(kind, mechanism, Who(USER, "wrong", binding=binding)) == FAILED


@pytest.mark.parametrize(("kind", "mechanism", "binding"), OWN_WAYS)
def test_the_binding_of_another_connection(house: House, kind: Kind, mechanism: str, binding: str) -> None:
    """RFC 5802 6: somebody in the middle has two connections."""
    with house.talk(kind) as inner, house.talk(kind) as outer:
        outer.say, outer.read = inner.say, inner.read  # type: ignore[method-assign]
        assert MECHANISMS[mechanism](outer, Who(USER, PASSWORD, binding=binding)) == FAILED


def first(talk: Talk, mechanism: str, header: str) -> str:
    """The reply to a client's first message with this gs2-header."""
    return talk.say(f"AUTH {mechanism} {encoded(f'{header}n={USER},r=abcdefghijkl')}")


@pytest.mark.parametrize(
    ("version", "mechanism", "header"),
    [
        pytest.param(TLS_1_3, "SCRAM-SHA-256", "y,,", id="SCR-9, TV-AUT-23: downgrade"),
        pytest.param(TLS_1_3, "SCRAM-SHA-256-PLUS", "p=tls-unique,,", id="CHB-1, TV-AUT-23: no tls-unique in TLS 1.3"),
        pytest.param(TLS_1_2, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", id="CHB-3: no tls-exporter in TLS 1.2"),
        pytest.param(TLS_1_3, "SCRAM-SHA-256-PLUS", "p=foo,,", id="CHB-6, TV-AUT-23: unknown type"),
        pytest.param(TLS_1_3, "SCRAM-SHA-256-PLUS", "n,,", id="SCR-9: PLUS without binding"),
        pytest.param(TLS_1_3, "SCRAM-SHA-256", "p=tls-exporter,,", id="SCR-9: binding without PLUS"),
    ],
)
def test_refused(house: House, version: ssl.TLSVersion, mechanism: str, header: str) -> None:
    with house.talk(Kind("127.0.0.2", "starttls", version)) as talk:
        assert first(talk, mechanism, header) == FAILED


@pytest.mark.parametrize("kind", [Kind(), Kind("127.0.0.2")], ids=["secured", "clear"])
def test_no_binding_to_be_kept_from(house: House, kind: Kind) -> None:
    """SCR-9: the flag y is true where no TLS is."""
    with house.talk(kind) as talk:
        assert first(talk, "SCRAM-SHA-256", "y,,").startswith("334 ")


@pytest.mark.parametrize("second", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256"])
@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_a_second_exchange(house: House, version: ssl.TLSVersion, second: str) -> None:
    """CHB-4: tls-exporter is good for one mechanism's exchange; the connection ends at the next one."""
    with house.talk(Kind("127.0.0.2", "implicit", version)) as talk:
        assert MECHANISMS["SCRAM-SHA-256-PLUS"](talk, Who(USER, "wrong")) == FAILED
        reply = MECHANISMS[second](talk, Who(USER, PASSWORD))
        if version is TLS_1_3 and second.endswith("-PLUS"):
            assert reply.startswith("421 4.7.0 ")
            assert talk.read() == ""
        else:
            assert reply == "235 2.7.0 Logged in"


def test_the_last_message_wants_an_empty_answer(house: House) -> None:
    """AUT-17: 235 comes only after the client has seen the server's signature."""
    for last, expected in [("", "235 2.7.0 "), ("AQ==", "501 5.5.2 "), ("*", "501 5.7.0 "), ("=", "501 5.5.2 ")]:
        with house.talk(Kind()) as talk:
            exchange = scram_client("sha256", Login(USER, "", PASSWORD))
            reply = talk.say(f"AUTH SCRAM-SHA-256 {encoded(next(exchange))}")
            reply = talk.say(encoded(answer(exchange, challenge(reply))))
            assert challenge(reply).startswith(b"v=")
            assert talk.say(last).startswith(expected)
            if not expected.startswith("235"):
                assert talk.say("MAIL FROM:<a@example.org>").startswith("530 ")
