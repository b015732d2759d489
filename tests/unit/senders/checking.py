"""Sender rules asked as a session asks them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from gsubmit.message.draft import Draft
from gsubmit.sasl.claims import Identity
from gsubmit.senders.senders import FIELD, Senders
from gsubmit.server.senderrules import check_header, check_sender
from gsubmit.server.session import Login
from gsubmit.settings.load import load_text
from gsubmit.smtp.envelope import Sender, read_sender
from gsubmit.smtp.reply import Refused
from tests.unit.message.test_draft import draft_of
from tests.unit.server.sessions import Client, connected

CHECK = "submission_sender_check = both\n"


def senders_of(settings: str = "") -> Senders:
    """The rules of a configuration."""
    return Senders(load_text(f"ssl = no\n{CHECK}{settings}").settings.submission.senders)


@contextmanager
def logged_in(login: str, senders: str = "", settings: str = "") -> Iterator[Client]:
    """A session of a user with sender rules."""
    with connected() as client:
        session = client.session
        session.service = replace(session.service, senders=senders_of(settings))
        session.login = Login(Identity(login, {FIELD: senders} if senders else {}), "PLAIN")
        yield client


def verdict(header: bytes, login: str, senders: str = "", settings: str = "") -> str:
    """`ok`, `bad`, or `no` with the address that is not the user's."""
    logged: list[str] = []
    with (
        logged_in(login, senders, settings) as client,
        draft_of(header) as draft,
        patch("gsubmit.server.journal.say", lambda _, text: logged.append(text)),
    ):
        return _asked(client, draft, logged)


def _asked(client: Client, draft: Draft, logged: list[str]) -> str:
    client.say("EHLO client", "MAIL FROM:<>")
    transaction = client.session.transaction
    assert transaction is not None
    try:
        check_header(client.session, transaction, draft)
    except Refused as refused:
        assert logged
        if refused.reply.code == 554:
            assert refused.reply.status == "5.6.0"
            return "bad"
        assert (refused.reply.code, refused.reply.status) == (550, "5.7.1")
        address = refused.reply.text.removeprefix("<").removesuffix(">: not allowed for this login")
        return f"no {_unescaped(address)}"
    finally:
        assert not draft.is_edited
    assert not logged
    return "ok"


def _unescaped(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape") if "\\x" in text or "\\u" in text else text


def mail(client: Client, argument: str) -> Sender:
    """What MAIL with this argument becomes. Raises Refused."""
    senders = client.session.service.senders
    assert senders is not None
    return check_sender(client.session, senders, read_sender(argument, {"SMTPUTF8"}, ()))
