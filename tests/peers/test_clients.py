"""The programs that people submit with: each logs in and submits, and is refused with a wrong password."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.harness.peer_clients import Ran, curl, msmtp, swaks
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_message import hard_message
from tests.harness.peer_process import eventually
from tests.harness.peer_sink import Sink, sink

Submit = Callable[..., Ran]
MESSAGE = hard_message(100_000)
CLIENTS = [
    pytest.param(swaks, ("--auth", "PLAIN"), "PLAIN", id="swaks-plain"),
    pytest.param(swaks, ("--auth", "LOGIN"), "LOGIN", id="swaks-login"),
    pytest.param(swaks, ("--auth", "PLAIN", "--pipeline"), "PLAIN", id="swaks-pipelining"),
    pytest.param(msmtp, ("--auth=plain",), "PLAIN", id="msmtp-plain"),
    pytest.param(msmtp, ("--auth=login",), "LOGIN", id="msmtp-login"),
    pytest.param(msmtp, ("--auth=on",), "PLAIN", id="msmtp-choosing"),
    pytest.param(curl, ("--login-options", "AUTH=PLAIN"), "PLAIN", id="curl-plain"),
    pytest.param(curl, ("--login-options", "AUTH=LOGIN"), "LOGIN", id="curl-login"),
    pytest.param(curl, ("--sasl-ir",), "PLAIN", id="curl-initial-response"),
]


@pytest.fixture(scope="module")
def relay() -> Iterator[Sink]:
    with sink() as running:
        yield running


@pytest.fixture(scope="module")
def server(relay: Sink) -> Iterator[Gsubmit]:
    with gsubmit(relay.port) as running:
        yield running


@pytest.mark.parametrize("implicit_tls", [False, True], ids=["starttls", "implicit-tls"])
@pytest.mark.parametrize(("submit", "options", "mechanism"), CLIENTS)
def test_submits(
    server: Gsubmit, relay: Sink, submit: Submit, options: tuple[str, ...], mechanism: str, implicit_tls: bool
) -> None:
    seen, logged = len(relay.messages), len(server.log)
    ran = submit(server, MESSAGE, *options, implicit_tls=implicit_tls)
    assert ran.code == 0, ran.output
    assert len(relay.messages) == seen + 1
    content = MESSAGE.replace(b"\r\n", b"\n")
    assert any(content in message for message in relay.messages)
    eventually("the end of the session", lambda: "Disconnected: " in server.log_so_far[logged:])
    log = server.log[logged:]
    assert f"Login: user=<user@example.org>, method={mechanism}, rip=127.0.0.1, lip=127.0.0.1, TLS, session=<" in log


@pytest.mark.parametrize(("submit", "options", "mechanism"), CLIENTS)
def test_a_wrong_password_is_refused(
    server: Gsubmit, relay: Sink, submit: Submit, options: tuple[str, ...], mechanism: str
) -> None:
    seen = len(relay.messages)
    ran = submit(server, MESSAGE, *options, password="wrong")
    assert ran.code != 0
    assert "535 5.7.8 Authentication failed" in ran.output or submit is msmtp, ran.output
    assert "535" in ran.output or submit is not msmtp, ran.output
    assert len(relay.messages) == seen
    assert (
        f"Aborted login (auth failed, 1 attempts in 0 secs): user=<user@example.org>, method={mechanism}" in server.log
    )
