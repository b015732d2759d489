"""Which messages are to come to Sent, what of them, and by which login."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gsubmit.app.build import build_fixups
from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft
from gsubmit.message.fields import Field
from gsubmit.net.imappool import Who
from gsubmit.sasl.claims import Identity
from gsubmit.sent.record import Octets, Record
from gsubmit.server import submit as submitting
from gsubmit.server.session import Login
from gsubmit.smtp.envelope import Handling
from gsubmit.smtp.reply import Reply
from tests.unit.server.sessions import Client, connected

SETTINGS = "submission_sent_copy = yes\nimap_host = localhost\nimap_master_user = m\nimap_master_password = p\n"
MESSAGE = b"From: <a@example.org>\r\nBcc: <c@example.net>\r\nMessage-ID: <1@x>\r\nSubject: it\r\n\r\nText\r\n"


@dataclass
class Copies:
    """What SentCopies was told."""

    has_master: bool = True
    host: str = "localhost"
    kept: list[tuple[Record, bytes, Who | None]] = field(default_factory=list)
    has_left: Callable[[], bool] = lambda: False

    def keep(self, record: Record, body: Octets, own: Who | None, has_left: Callable[[], bool]) -> None:
        octets = b"".join(body.blocks())
        assert record.size == body.size == len(octets)
        self.kept.append((record, octets, own))
        self.has_left = has_left


@contextmanager
def client(settings: str = SETTINGS, login: Login | None = None) -> Iterator[tuple[Client, Copies]]:
    with connected(settings) as one:
        copies: Any = Copies()
        service = one.session.service
        one.session.service = replace(service, sent=copies, fixups=build_fixups(service.settings))
        one.say("EHLO client.example.org")
        one.session.login = login or Login(Identity("user"), "PLAIN")
        yield one, copies


def submit(one: Client, octets: bytes = MESSAGE, sender: str = "a@example.org", final: Reply | None = None) -> Reply:
    one.say(f"MAIL FROM:<{sender}>", "RCPT TO:<b@example.net>")
    if final is not None:
        one.delivery.final = final
    return one.reply(f"BDAT {len(octets)} LAST", octets)


def test_a_message_that_the_relay_has() -> None:
    with client() as (one, copies):
        assert submit(one).code == 250
        ((record, octets, own),) = copies.kept
        assert octets == MESSAGE
        assert (record.user, record.wish.mailbox, record.source, own) == ("user", "", "", None)
        assert record.marks.message_id == "<1@x>"
        assert record.label == one.session.label
        assert not copies.has_left()


@pytest.mark.parametrize(
    "case",
    [
        pytest.param({"final": Reply(550, "5.7.1", "No")}, id="refused"),
        pytest.param({"sender": ""}, id="null-sender"),
    ],
)
def test_no_copy(case: dict[str, Any]) -> None:
    with client() as (one, copies):
        submit(one, **case)
        assert copies.kept == []


@pytest.mark.parametrize(
    ("usual", "said", "wish"),
    [
        ("yes", None, ""),
        ("no", None, None),
        ("yes", "no", None),
        ("no", "yes", ""),
        ("no", "Yes", ""),
        ("yes", "Sent Items", "Sent Items"),
        ("no", "Sent Items", "Sent Items"),
    ],
)
def test_the_passdb_wins_over_the_setting(usual: str, said: str | None, wish: str | None) -> None:
    fields = {} if said is None else {"sent": said}
    settings = SETTINGS.replace("copy = yes", f"copy = {usual}")
    with client(settings, Login(Identity("user", fields), "PLAIN")) as (one, copies):
        submit(one)
        assert [record.wish.mailbox for record, _, _ in copies.kept] == ([] if wish is None else [wish])


@pytest.mark.parametrize("settings", [SETTINGS, SETTINGS.replace("copy = yes", "copy = no")])
def test_a_plugin_names_the_mailbox(settings: str) -> None:
    with client(settings) as (one, copies):
        one.say("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>")
        assert one.session.transaction is not None
        one.session.transaction.envelope.handling = Handling(sent_mailbox="Customers/Sent")
        assert one.reply(f"BDAT {len(MESSAGE)} LAST", MESSAGE).code == 250
        ((record, _, _),) = copies.kept
    assert record.wish.mailbox == "Customers/Sent"


def test_fix_ups_are_in_the_copy_and_bcc_too() -> None:
    settings = "submission_drop_headers = Bcc X-Mailer\nsubmission_add_date = yes\n"
    with client(SETTINGS + settings) as (one, copies):
        submit(one, b"X-Mailer: m\r\n" + MESSAGE)
        ((record, octets, _),) = copies.kept
        assert b"Bcc: <c@example.net>\r\n" in octets
        assert b"X-Mailer" not in octets
        assert record.marks.date
        assert octets.endswith(b"\r\n\r\nText\r\n")
        (relayed,) = one.delivery.messages
        assert b"Bcc" not in relayed[1]
        assert b"Received" not in octets


def test_the_body_is_the_clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A plugin has put another in its place, with its own MIME header."""

    def replaced(session: Any, transaction: Any) -> None:
        draft = transaction.content = Draft(transaction.body)
        body = MessageBody(str(tmp_path))
        body.append(b"--b\r\n\r\nText\r\n--b\r\n\r\nfooter\r\n--b--\r\n")
        fields = [one for one in draft.fields if one.name != b"content-type"]
        draft.edit(fields)
        draft.append(Field(b"content-type", b"Content-Type: multipart/mixed; boundary=b\r\n"))
        draft.replace_content(body)

    monkeypatch.setattr(submitting, "prepare", replaced)
    message = MESSAGE.replace(b"Subject", b"Content-Type: text/plain\r\nMIME-Version: 1.0\r\nSubject")
    with client(SETTINGS + "submission_require_from = yes\n") as (one, copies):
        assert submit(one, message).code == 250
        ((_, octets, _),) = copies.kept
        assert octets.endswith(b"\r\n\r\nText\r\n")
        assert octets.count(b"Content-Type") == octets.count(b"Content-Type: text/plain") == 1
        assert octets.count(b"MIME-Version") == 1
        assert b"footer" in one.delivery.messages[0][1]


@pytest.mark.parametrize(
    ("login", "who"),
    [
        pytest.param(Login(Identity("user"), "PLAIN"), None, id="none"),
        pytest.param(
            Login(Identity("user"), "PLAIN", password="s3cret"), Who("user", "s3cret", is_users_own=True), id="password"
        ),
        pytest.param(
            Login(Identity("a,b=c"), "OAUTHBEARER", token="t0ken"),
            Who("a,b=c", "n,a=a=2Cb=3Dc,\1auth=Bearer t0ken\1\1", is_users_own=True, mechanism="OAUTHBEARER"),
            id="oauthbearer",
        ),
        pytest.param(
            Login(Identity("user"), "XOAUTH2", token="t0ken"),
            Who("user", "user=user\1auth=Bearer t0ken\1\1", is_users_own=True, mechanism="XOAUTH2"),
            id="xoauth2",
        ),
    ],
)
def test_the_clients_own_login(login: Login, who: Who | None) -> None:
    with client(login=login) as (one, copies):
        submit(one)
        assert copies.kept[0][2] == who
        one.session.is_over = True
        assert copies.has_left()


def test_whether_passwords_are_kept() -> None:
    with client() as (one, copies):
        assert not one.session.service.forwards
        copies.has_master = False
        one.session.service = replace(one.session.service)
        assert one.session.service.forwards


def test_by_default_nothing_is_there() -> None:
    with connected() as one:
        assert one.session.service.sent is None
        assert not one.session.service.forwards


def test_a_bug_leaves_the_reply_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with client() as (one, copies):
        copies.keep = None  # type: ignore[assignment, method-assign]
        assert submit(one).code == 250
    assert "copy id=" in caplog.text
