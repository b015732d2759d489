"""A message played through a plugin without a server, for `gsubmit plugins try` and people's own tests."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft
from gsubmit.plugins.client import Client
from gsubmit.plugins.mail import Bounds, Mail, mailbox_of
from gsubmit.plugins.plugin import Plugin, moments_of
from gsubmit.plugins.runner import PluginFailed, checked
from gsubmit.smtp.envelope import Envelope, Handling, Recipient, Sender
from gsubmit.smtp.params import NO_RCPT_PARAMS, MailParams
from gsubmit.smtp.reply import Refused, Reply


@dataclass(frozen=True, slots=True)
class Played:
    """What a plugin has made of a message. `moment` is where it refused it, with `reply`; else both are empty.

    `refused` are recipients that were refused, which refuses the message only where none is left.
    """

    message: bytes
    sender: str  # empty for the null reverse-path
    recipients: tuple[str, ...]
    moment: str = ""
    reply: Reply | None = None
    refused: tuple[tuple[str, Reply], ...] = ()
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
    """From the connection to the end of the message; `submitted` and `ended` are not asked.

    Whatever the plugin raises is raised, but for a refusal; PluginFailed for what the server takes for a failure too.
    """
    body = MessageBody(tempfile.gettempdir())
    body.append(message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    draft = Draft(body)
    client = Client("test", "192.0.2.1", 40000, "192.0.2.2", 587, hello="client.example.org")
    known = replace(client, user=user, mechanism="PLAIN")
    handling = Handling()
    asked = [Recipient(mailbox_of(one), NO_RCPT_PARAMS) for one in recipients]
    envelope = Envelope(_sender(sender, asked, draft), handling=handling)
    reply, moment, refused = None, "", list[tuple[str, Reply]]()
    try:
        for moment in moments_of(type(plugin)):
            if moment == "message":
                envelope.recipients += asked
            bounds = Bounds(frozenset(relays), may_edit=moment == "message", may_choose=moment in ("sender", "message"))
            mail = Mail("test", known, envelope, draft, bounds)
            mail.has_own_envelope = mail.has_own_draft = True  # nobody else has any
            match moment:
                case "connected":
                    reply = _said(plugin, moment, client)
                case "authenticated":
                    reply = _said(plugin, moment, known)
                case "sender" | "message":
                    reply = _said(plugin, moment, mail)
                case "recipient":
                    answers = [(one, _said(plugin, moment, mail, one)) for one in asked]
                    refused = [(str(one.forward_path), no) for one, no in answers if no is not None]
                    asked = [one for one, no in answers if no is None]
                    reply = refused[-1][1] if not asked else None
            if reply is not None:
                break
            if moment == "message" and not envelope.recipients:
                raise PluginFailed("no recipient is left")
        left = tuple(str(one.forward_path) for one in envelope.recipients or asked)
        octets, path = b"".join(draft.blocks()), envelope.sender.reverse_path
        return Played(octets, str(path or ""), left, moment if reply else "", reply, tuple(refused), handling)
    finally:
        draft.close()


def _sender(text: str, recipients: Sequence[Recipient], draft: Draft) -> Sender:
    """With SMTPUTF8, where a client needs that for the message."""
    path = mailbox_of(text) if text else None
    addresses = [one.forward_path for one in recipients] + ([path] if path is not None else [])
    is_ascii = all(one.is_ascii for one in addresses) and all(one.octets.isascii() for one in draft.fields)
    return Sender(path, MailParams(smtputf8=not is_ascii))


def _said(plugin: Plugin, moment: str, *arguments: object) -> Reply | None:
    try:
        return checked(getattr(plugin, moment)(*arguments), moment)
    except Refused as refused:
        return checked(refused.reply, moment)
