"""The copy of a message for its sender's Sent mailbox: whether there is to be one, of what, and by which login."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

from gsubmit.message.body import BLOCK, MessageBody
from gsubmit.message.content import Content
from gsubmit.message.draft import Draft
from gsubmit.message.fields import Field, split_header
from gsubmit.net.imappool import Who
from gsubmit.server.session import Login, Session
from gsubmit.server.transaction import Transaction
from gsubmit.smtp.envelope import Filing

_log = logging.getLogger("gsubmit.sent")
_BCC = frozenset({b"bcc", b"resent-bcc"})
_NO, _YES = frozenset({"no", "n", "false", "0"}), frozenset({"", "yes", "y", "true", "1"})


def keep_copy(session: Session, transaction: Transaction) -> None:
    """Hand it to `service.sent`, if there is to be one.

    The relay has the message: whatever goes wrong with the copy is logged, and the client hears 250 all the same.
    """
    try:
        _keep(session, transaction)
    except Exception:
        _log.exception("copy id=%s", transaction.id, extra={"prefix": session.label})


def _keep(session: Session, transaction: Transaction) -> None:
    service, login = session.service, session.login
    assert service.sent is not None
    assert login is not None
    handling = transaction.envelope.handling
    usual = _wish(login, is_usual=service.settings.sent.submission_sent_copy)
    if handling is not None and handling.sent_mailbox:
        usual = handling.sent_mailbox  # a plugin's
    filings = (Filing(),) if handling is None or handling.filings is None else handling.filings
    wishes = [_of(filing, usual) for filing in filings if filing.mailbox or usual is not None]
    if not wishes or transaction.envelope.sender.reverse_path is None:
        return
    from gsubmit.sent.marks import marks_of  # noqa: PLC0415 - not loaded where nobody has any
    from gsubmit.sent.record import Record, Wish  # noqa: PLC0415

    copy = _copy(transaction.content)
    marks = marks_of(split_header(copy.head()))
    for filing in wishes:
        record = Record(
            id=transaction.id,
            label=session.label,
            user=login.identity.user,
            arrival=transaction.arrival,
            size=copy.size,
            is_binary=transaction.body.has_nul,
            marks=marks,
            wish=Wish(*filing),
            source=transaction.envelope.mailbox,
        )
        service.sent.keep(record, copy, own_login(login), partial(_has_left, session, login))


def _of(filing: Filing, usual: str | None) -> Filing:
    """The same, with the usual mailbox where it names none."""
    return filing if filing.mailbox else filing._replace(mailbox=usual or "")


def _wish(login: Login, *, is_usual: bool) -> str | None:
    """The mailbox that the user's passdb entry names, empty for the usual one; None without a copy."""
    said = login.identity.fields.get("sent")
    if said is None:
        return "" if is_usual else None
    if said.lower() in _NO:
        return None
    return "" if said.lower() in _YES else said


def own_login(login: Login) -> Who | None:
    """That of the client, where it was kept."""
    user = login.identity.user
    if login.token:
        if login.mechanism == "XOAUTH2":
            response = f"user={user}\1auth=Bearer {login.token}\1\1"
        else:
            escaped = user.replace("=", "=3D").replace(",", "=2C")
            response = f"n,a={escaped},\1auth=Bearer {login.token}\1\1"
        return Who(user, response, is_users_own=True, mechanism=login.mechanism)
    return Who(user, login.password, is_users_own=True) if login.password else None


def _has_left(session: Session, login: Login) -> bool:
    return session.is_over or session.login is not login


class _Copy:
    """A header of its own, and the rest of the body as the client sent it."""

    def __init__(self, header: bytes, body: MessageBody, start: int) -> None:
        self.size = len(header) + body.size - start
        self._header = header
        self._body = body
        self._start = start

    def head(self) -> bytes:
        """The header with its empty line."""
        return self._header

    def blocks(self) -> Iterator[bytes]:
        """All of it."""
        yield self._header
        at = self._start
        while block := self._body.read(at, BLOCK):
            at += len(block)
            yield block


def _copy(content: Content) -> Content | _Copy:
    """The message as the relay has it, but with the client's Bcc and the client's body.

    What plugins put in the place of the body goes, and with it what the header says about that.
    """
    if not isinstance(content, Draft) or not content.is_edited:
        return content
    ours = content.fields
    theirs = split_header(content.body.read(0, content.start))
    names = {field.name for field in ours}
    restored = [field for field in theirs if field.name in _BCC and field.name not in names]
    if content.has_own_content:
        ours = tuple(field for field in ours if not _is_of_body(field))
        restored += filter(_is_of_body, theirs)
    header = b"".join(field.octets for field in (*ours, *restored))
    return _Copy(header + b"\r\n", content.body, content.start)


def _is_of_body(field: Field) -> bool:
    return field.name == b"mime-version" or field.name.startswith(b"content-")
