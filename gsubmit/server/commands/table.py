"""Every command: what it needs, in order, how its argument is read, and who carries it out. The page to read first.

What a row holds, and in which order it is used, stands in rows.py.
"""

from __future__ import annotations

from gsubmit.server import journal
from gsubmit.server.commands import auth, burl, content, envelope, greeting, needs, other, starttls, steps, xclient
from gsubmit.server.commands.rows import AnyRow, PieceRow, Result, Row, RowWithin
from gsubmit.server.session import Session
from gsubmit.smtp.command import Command
from gsubmit.smtp.foreign import is_foreign
from gsubmit.smtp.piece import read_burl_argument, read_chunk
from gsubmit.smtp.replies import FOREIGN_PROTOCOL, LINE_TOO_LONG, UNKNOWN_COMMAND
from gsubmit.smtp.reply import Disconnected, Refused, Reply

MAX_AUTH_LINE = 16384  # octets; an initial response may be as long as a later one

MAX_XCLIENT_LINE = 8192  # octets; FORWARD is not split


def _help(_: Session, __: str) -> Reply:
    """What there is."""
    return HELP


_NOT_IMPLEMENTED = Row(other.not_implemented, needs=(needs.tls,))

COMMANDS: dict[str, AnyRow] = {
    "EHLO": Row(greeting.ehlo, read=greeting.hello_name),
    "HELO": Row(greeting.helo, needs=(needs.tls,), read=greeting.hello_name),
    "STARTTLS": Row(
        starttls.starttls,
        needs=(needs.no_argument, needs.no_tls_yet, steps.await_sender, needs.no_transaction),
    ),
    "AUTH": Row(
        auth.auth,
        needs=(needs.tls, needs.no_login_yet, steps.await_sender, needs.no_transaction_for_auth),
        max_line=MAX_AUTH_LINE,
    ),
    "XCLIENT": Row(
        xclient.xclient,
        needs=(needs.tls, needs.front_end),
        read=xclient.told,
        max_line=MAX_XCLIENT_LINE,
    ),
    "MAIL": Row(
        envelope.mail,
        needs=(
            *(steps.log_in_by_certificate, needs.submitter, needs.unspoiled),
            *(steps.await_sender, needs.no_transaction),
        ),
        read=envelope.mail_argument,
    ),
    "RCPT": RowWithin(
        envelope.rcpt,
        needs=(needs.submitter,),
        within=(needs.no_chunks,),
        read=envelope.rcpt_argument,
    ),
    "DATA": RowWithin(
        content.data,
        needs=(needs.no_argument, needs.submitter),
        within=(needs.no_chunks, needs.not_binary, steps.await_recipients),
    ),
    "BDAT": PieceRow(
        content.bdat,
        read=read_chunk,
        needs=(needs.submitter,),
        refuse=content.refuse_chunk,
    ),
    "BURL": PieceRow(
        burl.burl,
        read=read_burl_argument,
        needs=(needs.submitter, burl.offered),
        refuse=content.spoil,
    ),
    "RSET": Row(other.rset, needs=(needs.tls, needs.no_argument)),
    "NOOP": Row(other.noop),
    "VRFY": Row(other.vrfy, needs=(needs.tls, needs.login, needs.argument)),
    "HELP": Row(_help, needs=(needs.tls,)),
    "QUIT": Row(other.quit, needs=(needs.no_argument,)),
    **dict.fromkeys(("EXPN", "ETRN", "TURN", "SEND", "SOML", "SAML"), _NOT_IMPLEMENTED),
}
IMPLEMENTED = sorted(verb for verb, row in COMMANDS.items() if row is not _NOT_IMPLEMENTED)
HELP = Reply(
    214,
    "2.0.0",
    f"Commands: {' '.join(verb for verb in IMPLEMENTED if verb != 'XCLIENT')}\nThis is a mail submission server",
)


def execute(session: Session, line: bytes) -> Result:
    """Carry out one command line and give its reply. Raises Disconnected when the connection is to end after it."""
    transaction = session.transaction
    try:
        command, row = _read(line, may_be_foreign=session.login is None)
        return row.run(session, command.argument)
    except Disconnected:
        raise
    except Refused as refused:
        journal.refused(session, transaction, line, refused)
        return refused.reply


def _read(line: bytes, *, may_be_foreign: bool) -> tuple[Command, AnyRow]:
    """The command in a line, with its row. Raises Refused; who has logged in is sure to mean us."""
    try:
        command = Command.parse(line)
        row = COMMANDS.get(command.verb)
        if row is None:
            raise Refused(UNKNOWN_COMMAND)
        if len(line) > row.max_line:
            raise Refused(LINE_TOO_LONG)
    except Refused as refused:
        if may_be_foreign and is_foreign(line):
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
