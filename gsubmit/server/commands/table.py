"""Every command: what it needs, in order, and who carries it out. The page to read first.

Needs are functions that raise Refused with their own reply when not met; they are checked before the handler runs.
A handler returns the reply, or the promise of one, or None when it has said everything itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gsubmit.server.commands import auth, burl, content, envelope, greeting, needs, other, starttls
from gsubmit.server.session import Session
from gsubmit.server.wire import Answer
from gsubmit.smtp.command import Command
from gsubmit.smtp.foreign import is_foreign
from gsubmit.smtp.replies import FOREIGN_PROTOCOL, LINE_TOO_LONG, UNKNOWN_COMMAND
from gsubmit.smtp.reply import Disconnected, Refused, Reply

MAX_COMMAND_LINE = 2048  # octets without CRLF; all extensions together need about 1260 (LIM-10)
MAX_AUTH_LINE = 16384  # octets; an initial response may be as long as a later one

Need = Callable[[Session, Command], None]
Handler = Callable[[Session, Command], Reply | Answer | None]


class Row(NamedTuple):
    """One command."""

    handler: Handler
    needs: tuple[Need, ...] = ()
    max_line: int = MAX_COMMAND_LINE
    # What must be read although the command is refused, so that it is not taken for commands (RFC 3030 2).
    on_refusal: Callable[[Session, Command], None] | None = None


COMMANDS: dict[str, Row] = {
    "EHLO": Row(greeting.ehlo),
    "HELO": Row(greeting.helo, (needs.tls,)),
    "STARTTLS": Row(starttls.starttls, (needs.no_argument, needs.no_tls_yet, needs.no_transaction)),
    "AUTH": Row(auth.auth, (needs.tls, needs.no_login_yet, needs.no_transaction_for_auth), max_line=MAX_AUTH_LINE),
    "MAIL": Row(envelope.mail, (needs.tls, needs.hello, needs.login_for_mail, needs.unspoiled, needs.no_transaction)),
    "RCPT": Row(
        envelope.rcpt,
        (needs.tls, needs.hello, needs.login, needs.transaction, needs.unspoiled, needs.no_chunks),
    ),
    "DATA": Row(
        content.data,
        (
            *(needs.no_argument, needs.tls, needs.hello, needs.login, needs.transaction),
            *(needs.unspoiled, needs.no_chunks, needs.not_binary, needs.recipients),
        ),
    ),
    "BDAT": Row(
        content.bdat,
        (
            *(content.readable_chunk_size, needs.tls, needs.hello, needs.login, needs.transaction),
            *(needs.unspoiled, content.good_chunk_marker, needs.recipients),
        ),
        on_refusal=content.refuse_chunk,
    ),
    "BURL": Row(
        burl.burl,
        (
            *(needs.tls, needs.hello, needs.login, burl.offered, needs.transaction, needs.unspoiled),
            *(burl.good_syntax, needs.recipients),
        ),
        on_refusal=burl.refuse,
    ),
    "RSET": Row(other.rset, (needs.tls, needs.no_argument)),
    "NOOP": Row(other.noop),
    "VRFY": Row(other.vrfy, (needs.tls, needs.login, needs.argument)),
    "HELP": Row(other.help, (needs.tls,)),
    "QUIT": Row(other.quit, (needs.no_argument,)),
    "EXPN": Row(other.not_implemented, (needs.tls,)),
    "ETRN": Row(other.not_implemented, (needs.tls,)),
    "TURN": Row(other.not_implemented, (needs.tls,)),
    "SEND": Row(other.not_implemented, (needs.tls,)),
    "SOML": Row(other.not_implemented, (needs.tls,)),
    "SAML": Row(other.not_implemented, (needs.tls,)),
}


def execute(session: Session, line: bytes) -> Reply | Answer | None:
    """Carry out one command line and give its reply. Raises Disconnected when the connection is to end after it."""
    try:
        command, row = _read(line, is_stranger=session.login is None)
        try:
            for need in row.needs:
                need(session, command)
        except Disconnected:
            raise
        except Refused:
            if row.on_refusal is not None:
                row.on_refusal(session, command)
            raise
        return row.handler(session, command)
    except Disconnected:
        raise
    except Refused as refused:
        return refused.reply


def _read(line: bytes, *, is_stranger: bool) -> tuple[Command, Row]:
    """The command in a line, with its row. Raises Refused; who has logged in is sure to mean us."""
    try:
        command = Command.parse(line)
        row = COMMANDS.get(command.verb)
        if row is None:
            raise Refused(UNKNOWN_COMMAND)
        if len(line) > row.max_line:
            raise Refused(LINE_TOO_LONG)
    except Refused as refused:
        if is_stranger and is_foreign(line):
            raise Disconnected(FOREIGN_PROTOCOL) from refused
        raise _unreadable(line, refused.reply) from refused
    return command, row


def _unreadable(line: bytes, reply: Reply) -> Refused:
    """How a line is refused of which only the verb can be read."""
    match line[:4].upper():
        case b"BDAT":  # nobody knows how many octets follow that are no commands (RFC 3030 2)
            return Disconnected(reply)
        case b"EHLO" | b"HELO":  # no enhanced status here (RFC 2034 4)
            return Refused(Reply(reply.code, "", reply.text))
    return Refused(reply)
