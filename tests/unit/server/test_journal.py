"""The lines about logins and endings, in the words of Dovecot's login service."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from unittest.mock import Mock

import pytest

from gsubmit.message.body import MessageBody
from gsubmit.sasl.claims import Identity
from gsubmit.server import journal
from gsubmit.server.conversation import BY_CLIENT
from gsubmit.server.session import Login
from gsubmit.smtp.reply import Reply
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


def unavailable(client: Client) -> None:
    journal.login_begun(client.session)
    journal.login_unavailable(client.session, "u\nx", "PLAIN", "cannot read /users")


def failed_and_unavailable(client: Client) -> None:
    failed(client)
    unavailable(client)
    client.reply("AUTH PLAIN AHVzZXIAc2VjcmV0")


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
        pytest.param(
            unavailable, r"Aborted login \(auth service reported temporary failure\): user=<u\?x>, method=PLAIN, " + WHO, id="unavailable"
        ),
        pytest.param(
            failed_and_unavailable, r"Aborted login \(auth failed, 1 attempts in 0 secs\): user=<u\?x>, method=PLAIN, " + WHO, id="both"
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


NO_USERS = """
auth_failure_delay = 10ms
disable_plaintext_auth = no
passdb {
  driver = passwd-file
  args = /nonexistent
}
"""


def test_a_temporary_failure_is_said_at_once_and_whose_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected(NO_USERS) as client:
        assert client.reply("AUTH PLAIN AHVzZXIAc2VjcmV0").code == 454
        journal.ended(client.session, BY_CLIENT)
    lines = [(record.levelname, record.getMessage()) for record in caplog.records if "rip=" in record.getMessage()]
    who = "user=<user>, method=PLAIN, rip=192.0.2.10, lip=127.0.0.1, secured, "
    assert [(level, text.partition("session=")[0]) for level, text in lines] == [
        ("ERROR", f"cannot read /nonexistent: No such file or directory: {who}"),
        ("INFO", f"Aborted login (auth service reported temporary failure): {who}"),
    ]


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
    text = (
        "in=%i out=%o %{session} %{command_count} %{reply_count} %{transaction_id} %u %{domain} %{service} %{remote_ip}"
    )
    with connected(f"submission_logout_format = {text}") as client:
        client.log_in()
        client.session.wire.octets_in, client.session.wire.octets_out = 10, 20
        journal.ended(client.session, "Logged out")
        ident = client.session.id
    assert caplog.messages == [f"Disconnected: Logged out in=10 out=20 {ident} 0 0  user  submission 192.0.2.10"]
    assert [getattr(record, "prefix", "") for record in caplog.records] == [f"submission(user)<{ident}>"]


@pytest.mark.parametrize("name", ["x>y", "a, rip=192.0.2.1", "<b", "c d"])
def test_a_name_cannot_end_its_own_field(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """fail2ban looks for user=<...> without another bracket: a guesser who puts one there would never be banned."""
    caplog.set_level(logging.INFO, logger="gsubmit")
    with connected() as client:
        journal.login_failed(client.session, name, "PLAIN", "password mismatch")
        journal.ended(client.session, BY_CLIENT)
    assert re.search(r": user=<[^>, <]*>, method=PLAIN, rip=\S+, lip=", caplog.messages[-1])


def messages_to(number: int, caplog: pytest.LogCaptureFixture, final: Reply) -> list[str]:
    """What the log says of a message with that many recipients."""
    with connected() as client:
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<>", *(f"RCPT TO:<r{at}@x>" for at in range(number)))
        client.reply("RCPT TO:<bad@x>")
        client.delivery.final = final
        caplog.clear()
        client.reply("BDAT 3 LAST", b"abc")
    return caplog.messages


def names(first: int, end: int) -> str:
    return ",".join(f"<r{at}@x>" for at in range(first, end))


def test_the_recipients_of_a_relayed_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for number, listed in ((1, names(0, 1)), (10, names(0, 10)), (12, f"{names(0, 10)},(2 more)")):
        (line,) = messages_to(number, caplog, Reply(250, "2.0.0", "Stored"))
        expected = rf"Relayed message: id=\S+, from=<>, nrcpt={number}, to={listed}, size=5, msgid=, relay=here, reply=`250 2\.0\.0 Stored'"
        assert re.fullmatch(expected.replace("(2 more)", r"\(2 more\)"), line)


def test_all_recipients_of_a_message_that_was_not_relayed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lines = messages_to(12, caplog, Reply(554, "5.7.1", "Spam"))
    for line, listed in zip(lines, (names(0, 10), names(10, 12)), strict=True):
        expected = rf"Failed to relay message: id=\S+, from=<>, nrcpt=12, to={listed}, size=5, msgid=, relay=here, by=relay, reply=`554 5\.7\.1 Spam'"
        assert re.fullmatch(expected, line)


@pytest.mark.parametrize(
    ("line", "logged"),
    [
        pytest.param("RCPT TO:<b>, by=relay, to=<c@x>", "RCPT: from=<a@x>, to=<b>, by=gsubmit, ", id="ends its field"),
        pytest.param("RCPT TO:<(b),\tby=x>", "RCPT: from=<a@x>, to=<?b???by=x>, by=gsubmit, ", id="has marks in it"),
        pytest.param("RCPT TO:b@x c", "RCPT: from=<a@x>, to=<b@x>, by=gsubmit, ", id="without brackets"),
        pytest.param("RCPT", "RCPT: from=<a@x>, to=<>, by=gsubmit, ", id="nothing"),
        pytest.param(f"RCPT TO:<{'b' * 2000}", f"RCPT: from=<a@x>, to=<{'b' * 256}>, by=gsubmit, ", id="long"),
        pytest.param(
            "mail from:<b@x>", "MAIL: from=<b@x>, by=gsubmit, reply=`503 5.5.1 MAIL already given'", id="MAIL"
        ),
    ],
)
def test_what_a_client_calls_an_address(line: str, logged: str, caplog: pytest.LogCaptureFixture) -> None:
    """CMD-24."""
    caplog.set_level(logging.INFO)
    with connected() as client:
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<a@x>")
        assert client.reply(line).refuses
    assert [message.startswith(f"Refused {logged}") for message in caplog.messages] == [True]


def test_without_a_login_one_refusal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected() as client:
        client.reply("EHLO c")
        for line in ("MAIL FROM:<a@x>", "RCPT TO:<b@x>", "MAIL FROM:<c@x>"):
            assert client.reply(line).code == 530
    (line,) = caplog.messages
    assert re.fullmatch(
        r"Refused MAIL: from=<a@x>, by=gsubmit, reply=`530 5\.7\.0 \w+ required': user=<>, " + WHO, line
    )
    assert [getattr(record, "prefix", "") for record in caplog.records] == ["submission-login"]


def test_a_message_that_cannot_be_read_any_more_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    with connected() as client:
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<>", "RCPT TO:<b@x>")
        monkeypatch.setattr(MessageBody, "head", Mock(side_effect=OSError(5, "Input/output error")))
        assert journal.unfinished(client.session, "Internal error") == "RCPT TO"
    (line,) = caplog.messages
    assert re.fullmatch(
        r"Failed to relay message: id=\S+, from=<>, nrcpt=1, to=<b@x>, size=0, msgid=, state=RCPT TO, reason=`Internal error'",
        line,
    )
