"""The lines about logins and endings, in the words of Dovecot's login service."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest

from gsubmit.sasl.claims import Identity
from gsubmit.server import journal
from gsubmit.server.conversation import BY_CLIENT
from gsubmit.server.session import Login
from tests.unit.server.sessions import Client, connected

WHO = r"rip=192\.0\.2\.10, lip=127\.0\.0\.1, session=<[\w-]{16}>"


def failed(client: Client) -> None:
    journal.login_begun(client.session)
    journal.login_failed(client.session, "u\nx", "PLAIN", "password mismatch")


def failed_twice(client: Client) -> None:
    failed(client)
    client.session.attempts.first -= 12.5  # the first began so long ago
    failed(client)


def refused(client: Client) -> None:
    client.reply("AUTH PLAIN AHVzZXIAc2VjcmV0")


def in_tls(client: Client) -> None:
    client.start_tls()
    failed(client)


def nothing(_: Client) -> None:
    pass


@pytest.mark.parametrize(
    ("what", "line"),
    [
        pytest.param(nothing, r"Disconnected: Connection closed \(no auth attempts in 0 secs\): user=<>, " + WHO, id="none"),
        pytest.param(
            failed, r"Aborted login \(auth failed, 1 attempts in 0 secs\): user=<u\?x>, method=PLAIN, " + WHO, id="failed"
        ),
        pytest.param(
            failed_twice, r"Aborted login \(auth failed, 2 attempts in 12 secs\): user=<u\?x>, method=PLAIN, " + WHO, id="twice"
        ),
        pytest.param(
            refused,
            r"Aborted login \(tried to use disallowed plaintext auth\): user=<>, method=PLAIN, " + WHO,
            id="no TLS",
        ),
        pytest.param(in_tls, r".*, lip=127\.0\.0\.1, TLS, session=<.*", id="TLS"),
    ],
)  # fmt: skip
def test_end_without_login(what: Callable[[Client], None], line: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected() as client:
        what(client)
        caplog.clear()
        journal.ended(client.session, BY_CLIENT)
    assert re.fullmatch(line, caplog.messages[0])
    assert [getattr(record, "prefix", "") for record in caplog.records] == ["submission-login"]


def test_master_user(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected() as client:
        journal.logged_in(client.session, Login(Identity("tim", master_user="root, rip=<x"), "PLAIN"))
    assert re.fullmatch(r"Login: user=<tim>, master=<root\?\?rip=\?x>, method=PLAIN, " + WHO, caplog.messages[0])


def test_secured_without_tls(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected(remote_ip="127.0.0.1") as client:
        journal.logged_in(client.session, Login(Identity("user"), "LOGIN"))
    assert re.fullmatch(
        r"Login: user=<user>, method=LOGIN, rip=127\.0\.0\.1, lip=127\.0\.0\.1, secured, session=<.*>",
        caplog.messages[0],
    )


@pytest.mark.parametrize(
    ("verbose", "lines"),
    [("no", []), ("yes", [r"Login failed: password mismatch: user=<u\?x>, method=PLAIN, " + WHO])],
)
def test_auth_verbose(verbose: str, lines: list[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected(f"auth_verbose = {verbose}") as client:
        failed(client)
    assert len(caplog.messages) == len(lines)
    assert all(re.fullmatch(line, message) for line, message in zip(lines, caplog.messages, strict=True))


def test_logout_format(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected("submission_logout_format = in=%i out=%o %{session} %{command_count} %{reply_count}") as client:
        client.log_in()
        client.session.wire.octets_in, client.session.wire.octets_out = 10, 20
        journal.ended(client.session, "Logged out")
        ident = client.session.id
    assert caplog.messages == [f"Disconnected: Logged out in=10 out=20 {ident} 0 0"]
    assert [getattr(record, "prefix", "") for record in caplog.records] == [f"submission(user)<{ident}>"]


@pytest.mark.parametrize("name", ["x>y", "a, rip=192.0.2.1", "<b", "c d"])
def test_a_name_cannot_end_its_own_field(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """fail2ban looks for user=<...> without another bracket: a guesser who puts one there would never be banned."""
    caplog.set_level(logging.INFO, logger="gsubmit")
    with connected() as client:
        journal.login_failed(client.session, name, "PLAIN", "password mismatch")
        journal.ended(client.session, BY_CLIENT)
    assert re.search(r": user=<[^>, <]*>, method=PLAIN, rip=\S+, lip=", caplog.messages[-1])
