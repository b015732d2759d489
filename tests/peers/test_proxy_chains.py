"""Whoever stands in front: login proxies and haproxy before a server that submits to Postfix, and all it is told of clients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_dovecot import Configured, dovecot
from tests.harness.peer_frontends import haproxy
from tests.harness.peer_gsubmit import OWN_USERS, USER, Gsubmit, gsubmit
from tests.harness.peer_message import assert_arrived, hard_message
from tests.harness.peer_postfix import Postfix, postfix
from tests.harness.peer_process import eventually
from tests.harness.peer_proxy import ADDRESS, NO_RELAY, elsewhere, refusal
from tests.harness.ports import free_port

MESSAGE = hard_message(1_000_000)
TELLS = "submission_relay_trusted = yes\n"
TRUSTS = f"login_trusted_networks = 127.0.0.1\n{TELLS}"
AT_ONCE = "auth_failure_delay = 0\nservice anvil {\n unix_listener anvil-auth-penalty {\n mode = 0\n }\n}\n"
TLS = "starttls=any-cert"
SESSION = re.compile(rf"user=<{USER}>.* rip={ADDRESS}, .*session=<(\S+)>")


@dataclass(frozen=True)
class Chain:
    """What the client connects to, and the server that submits."""

    front: Gsubmit | Configured
    backend: Gsubmit | Configured

    @property
    def sessions(self) -> set[str]:
        """Those of the user at the client's address that both have in their logs, by their ids."""
        front, backend = (set(SESSION.findall(server.log)) for server in (self.front, self.backend))
        return front & backend


@contextmanager
def gsubmit_gsubmit(relay: int) -> Iterator[Chain]:
    with gsubmit(relay, TRUSTS) as backend, gsubmit(NO_RELAY, passdb=elsewhere(backend.port)) as front:
        yield Chain(front, backend)


@contextmanager
def gsubmit_gsubmit_by_tls(relay: int) -> Iterator[Chain]:
    with gsubmit(relay, TRUSTS) as backend, gsubmit(NO_RELAY, passdb=elsewhere(backend.port, TLS)) as front:
        yield Chain(front, backend)


@contextmanager
def gsubmit_dovecot(relay: int) -> Iterator[Chain]:
    with dovecot(relay, TRUSTS + AT_ONCE) as backend, gsubmit(NO_RELAY, passdb=elsewhere(backend.port)) as front:
        yield Chain(front, backend)


@contextmanager
def dovecot_gsubmit(relay: int) -> Iterator[Chain]:
    with gsubmit(relay, TRUSTS) as backend, dovecot(NO_RELAY, passdb=elsewhere(backend.port, TLS)) as front:
        yield Chain(front, backend)


@contextmanager
def haproxy_gsubmit(relay: int) -> Iterator[Chain]:
    with _behind_haproxy(relay, TELLS) as (front, backend):
        yield Chain(front, backend)


@contextmanager
def haproxy_gsubmit_gsubmit(relay: int) -> Iterator[Chain]:
    with gsubmit(relay, TRUSTS) as backend, _behind_haproxy(NO_RELAY, passdb=elsewhere(backend.port)) as (front, _):
        yield Chain(front, backend)


@contextmanager
def _behind_haproxy(relay: int, settings: str = "", passdb: str = OWN_USERS) -> Iterator[tuple[Gsubmit, Gsubmit]]:
    """The server as it is reached by haproxy, which speaks PROXY v2, and without."""
    port = free_port()
    inside = f"service submission-login {{\n inet_listener inside {{\n port = {port}\n haproxy = yes\n }}\n}}\n"
    trusts = f"haproxy_trusted_networks = 127.0.0.1\n{inside}"
    with gsubmit(relay, settings + trusts, passdb=passdb) as server, haproxy(port, port) as front:
        yield replace(server, port=front.ports["v2"]), server


CHAINS = [
    *(gsubmit_gsubmit, gsubmit_gsubmit_by_tls, gsubmit_dovecot, dovecot_gsubmit),
    *(haproxy_gsubmit, haproxy_gsubmit_gsubmit),
]


@pytest.fixture(scope="module")
def relay() -> Iterator[Postfix]:
    with postfix({"trusts": {"smtpd_authorized_xclient_hosts": "127.0.0.1"}}) as running:
        yield running


@pytest.fixture(scope="module", params=CHAINS, ids=lambda chain: chain.__name__.replace("_", "-"))
def chain(request: pytest.FixtureRequest, relay: Postfix) -> Iterator[Chain]:
    with request.param(relay.ports["trusts"]) as running:
        yield running


@pytest.mark.parametrize("chunks", [(), (100_000, 17)], ids=["data", "bdat"])
def test_a_message_arrives_and_all_know_whose_it_is(relay: Postfix, chain: Chain, chunks: tuple[int, ...]) -> None:
    seen, before = len(relay.log), chain.sessions
    with Client(chain.front, tls=True, address=ADDRESS) as client:
        code, text = client.submit_in_chunks(MESSAGE, chunks) if chunks else client.submit(MESSAGE)
        assert (code, text[:6]) == (250, b"2.0.0 "), text
    assert_arrived(relay.next_message(), MESSAGE)
    (accepted,) = [line for line in relay.log[seen:].splitlines() if ": client=" in line]
    assert f"[{ADDRESS}], sasl_method=XCLIENT, sasl_username={USER}" in accepted
    eventually("the session in both logs", lambda: len(chain.sessions - before) == 1)


def test_a_wrong_password_is_refused_by_who_knows_and_in_its_words(chain: Chain) -> None:
    own, before = refusal(chain.backend), chain.sessions
    assert refusal(chain.front) == own
    eventually("the session in both logs", lambda: len(chain.sessions - before) == 1)
