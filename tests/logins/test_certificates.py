"""EXTERNAL: who a client is by its TLS certificate, and logins without a word of AUTH."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.harness.loginclient import MECHANISMS, TLS_1_2, TLS_1_3, Kind, Talk, Who
from tests.harness.serving import Serving, serving
from tests.logins.conftest import House

KINDS = {
    f"{tls}-{name}": Kind("127.0.0.2", tls, version)
    for tls in ("starttls", "implicit")
    for name, version in (("1.2", TLS_1_2), ("1.3", TLS_1_3))
}
IMPLICIT = """
auth_mechanisms = external plain
ssl_ca = <{folder}/ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_failure_delay = 0
submission_client_workarounds = implicit-auth-external
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
"""
GOOD, FAILED = "235 2.7.0 Logged in", "535 5.7.8 Authentication failed"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    ("name", "authorization_id", "expected"),
    [
        pytest.param("joe", "", GOOD, id="EXT-1, TV-AUT-14: of oneself"),
        pytest.param("joe", "joe", GOOD, id="EXT-1: the same by name"),
        pytest.param("joe", "JOE", GOOD, id="AUT-18: compared as names are"),
        pytest.param("joe", "tim@example.org", FAILED, id="EXT-2: of somebody else"),
        pytest.param("nobody", "", FAILED, id="EXT-2: unknown user"),
        pytest.param("clerk", "", FAILED, id="EXT-2: a master user is no user"),
        pytest.param("clerk", "joe", GOOD, id="a master user for a user"),
        pytest.param("clerk", "nobody", FAILED, id="a master user for nobody"),
    ],
)
def test_external(house: House, kind: Kind, name: str, authorization_id: str, expected: str) -> None:
    kind = replace(kind, certificate=house.certificate(name))
    with house.talk(kind) as talk:
        assert talk.mechanisms[0] == "EXTERNAL"
    assert house.login(kind, "EXTERNAL", Who("", "", authorization_id)) == expected


def test_in_two_steps(house: House) -> None:
    """AUT-6: without an initial response the challenge is empty, and so may be the answer."""
    with house.talk(Kind(tls="implicit", certificate=house.certificate("joe"))) as talk:
        assert talk.say("AUTH EXTERNAL") == "334 "
        assert talk.say("*").startswith("501 5.7.0 ")
        assert talk.say("AUTH EXTERNAL") == "334 "
        assert talk.say("") == GOOD


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_certificate_is_no_master_s_for_somebody(house: House, kind: Kind) -> None:
    """auth_master_user_separator is for what users type; who signs names must not give others away."""
    with house.talk(replace(kind, certificate=house.certificate("joe*clerk"))) as talk:
        assert "EXTERNAL" not in talk.mechanisms
        assert talk.say("AUTH EXTERNAL =").startswith("504 5.5.4 ")


@pytest.mark.parametrize(
    ("certificate", "user", "expected"),
    [
        pytest.param("joe", "anybody", GOOD, id="its name counts"),
        pytest.param("nameless", "joe", FAILED, id="it has no name, and the client's is none"),
        pytest.param("", "joe", GOOD, id="none at all"),
    ],
)
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_name_of_certificate(house: House, mechanism: str, certificate: str, user: str, expected: str) -> None:
    """auth_ssl_username_from_cert, where a password is sent and where keys are wanted."""
    settings = IMPLICIT.format(folder=house.folder)
    settings += "auth_ssl_username_from_cert = yes\nauth_mechanisms = plain scram-sha-256\n"
    shown = house.certificate(certificate) if certificate else None
    with serving(settings) as served:
        talk = Talk(served.port, served.tls_port, Kind("127.0.0.2", "implicit", certificate=shown))
        try:
            assert MECHANISMS[mechanism](talk, Who(user, "secret")) == expected
        finally:
            talk.close()


@pytest.fixture(scope="module")
def implicit(house: House) -> Iterator[Serving]:
    with serving(IMPLICIT.format(folder=house.folder)) as served:
        yield served


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("joe", "451 4.3.5 ", id="logged in: there is only no relay"),
        pytest.param("nobody", "530 5.7.0 ", id="unknown user"),
        pytest.param("", "530 5.7.0 ", id="no certificate"),
    ],
)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_without_auth(house: House, implicit: Serving, kind: Kind, name: str, expected: str) -> None:
    """implicit-auth-external: MAIL logs a client in whose certificate names a user."""
    kind = replace(kind, certificate=house.certificate(name) if name else None)
    talk = Talk(implicit.port, implicit.tls_port, kind)
    try:
        assert talk.say("MAIL FROM:<a@example.org>").startswith(expected)
    finally:
        talk.close()
