"""A message played through a plugin without a server, for `gsubmit plugins try` and people's own tests."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft
from gsubmit.plugins.client import Client
from gsubmit.plugins.mail import Bounds, Changes, Mail
from gsubmit.plugins.plugin import Plugin, moments_of
from gsubmit.plugins.runner import checked
from gsubmit.smtp.address import parse_mailbox
from gsubmit.smtp.envelope import Handling, Recipient, Sender
from gsubmit.smtp.params import NO_MAIL_PARAMS, NO_RCPT_PARAMS
from gsubmit.smtp.reply import Refused, Reply


@dataclass(frozen=True, slots=True)
class Played:
    """What a plugin has made of a message. `moment` is where it refused, with `reply`; else both are empty."""

    message: bytes
    sender: str  # empty for the null reverse-path
    recipients: tuple[str, ...]
    moment: str = ""
    reply: Reply | None = None
    handling: Handling = field(default_factory=Handling)


def play(
    plugin: Plugin,
    message: bytes,
    *,
    user: str = "user@example.org",
    sender: str = "user@example.org",
    recipients: Sequence[str] = ("recipient@example.net",),
    relays: Sequence[str] = (),
) -> Played:
    """From the connection to the reply. Whatever the plugin raises, but for a refusal, is raised."""
    body = MessageBody(tempfile.gettempdir())
    body.append(message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    draft = Draft(body)
    client = Client("test", "192.0.2.1", 40000, "192.0.2.2", 587, hello="client.example.org")
    known = replace(client, user=user, mechanism="PLAIN")
    changes = Changes(Sender(parse_mailbox(sender) if sender else None, NO_MAIL_PARAMS), [])
    asked = [Recipient(parse_mailbox(one), NO_RCPT_PARAMS) for one in recipients]
    reply, moment = None, ""
    try:
        for moment in moments_of(type(plugin)):
            if moment == "message":
                changes.recipients += asked
            bounds = Bounds(frozenset(relays), may_edit=moment == "message", may_choose=moment in ("sender", "message"))
            mail = Mail("test", known, changes, draft, bounds)
            for arguments in _arguments(moment, client, known, mail, asked):
                reply = reply or _said(plugin, moment, *arguments)
            if reply is not None:
                break
        return Played(
            b"".join(draft.blocks()),
            str(changes.sender.reverse_path or ""),
            tuple(str(one.forward_path) for one in changes.recipients or asked),
            moment if reply is not None else "",
            reply,
            changes.handling,
        )
    finally:
        draft.close()


def _arguments(
    moment: str, client: Client, known: Client, mail: Mail, asked: Sequence[Recipient]
) -> list[tuple[object, ...]]:
    """Of each call at this moment; at those after the reply there is none."""
    match moment:
        case "connected":
            return [(client,)]
        case "authenticated":
            return [(known,)]
        case "sender" | "message":
            return [(mail,)]
        case "recipient":
            return [(mail, one) for one in asked]
    return []


def _said(plugin: Plugin, moment: str, *arguments: object) -> Reply | None:
    try:
        return checked(getattr(plugin, moment)(*arguments), moment)
    except Refused as refused:
        return checked(refused.reply, moment)
