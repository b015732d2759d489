"""DATA and BDAT: the message itself (RFC 5321 4.1.1.4, RFC 3030)."""

from __future__ import annotations

from gsubmit.metrics.figures import MESSAGES
from gsubmit.server import outcome
from gsubmit.server.session import Session
from gsubmit.server.submit import submit
from gsubmit.server.transaction import Transaction
from gsubmit.smtp.data import DataReader
from gsubmit.smtp.piece import BurlArgument, Chunk
from gsubmit.smtp.replies import START_MAIL, TALKED_TOO_EARLY
from gsubmit.smtp.reply import Disconnected, Refused, Reply


def data(session: Session, transaction: Transaction, _: str) -> Reply | None:
    """Take a message up to CRLF.CRLF and pass it on."""
    if session.wire.has_input:  # the content, or more commands, before our 354 (SMG-8)
        raise Disconnected(TALKED_TOO_EARLY)
    transaction.has_content = True
    session.wire.send(START_MAIL)
    reader = DataReader()
    while not reader.ended:
        block = session.wire.read_block()
        transaction.take(reader.feed(block))
        session.wire.note_content(block[: len(block) - len(reader.remainder)])
    session.wire.unread(reader.remainder)
    return submit(session, transaction)


def bdat(session: Session, transaction: Transaction, chunk: Chunk) -> Reply | None:
    """Take a chunk; with LAST pass the message on."""
    transaction.has_content = True
    left = chunk.size
    while left:
        block = session.wire.read_block(left)
        transaction.take(block)
        session.wire.note_content(block)
        left -= len(block)
    if chunk.is_last:
        return submit(session, transaction)
    if transaction.fault is not None:
        refused = Refused(transaction.fault)
        transaction.spoiled = MESSAGES.at(outcome.refusal(refused))
        raise refused
    return Reply(250, "2.0.0", f"Added {chunk.size} octets")


def refuse_chunk(session: Session, chunk: Chunk, refused: Refused) -> None:
    """Read the octets of a chunk that is refused, and drop them: they must not be taken for commands (RFC 3030 2)."""
    left = chunk.size
    while left:
        block = session.wire.read_block(left)
        session.wire.note_content(block)
        left -= len(block)
    spoil(session, chunk, refused)


def spoil(session: Session, piece: Chunk | BurlArgument, refused: Refused) -> None:
    """One piece missing spoils the whole (RFC 3030 2, RFC 4468 3.2); with LAST there is nothing more to come."""
    if session.transaction is None or session.transaction.spoiled:
        return
    session.transaction.spoiled = MESSAGES.at(outcome.refusal(refused))
    if piece.is_last:
        session.give_up_transaction()
