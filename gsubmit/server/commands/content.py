"""DATA and BDAT: the message itself (RFC 5321 4.1.1.4, RFC 3030)."""

from __future__ import annotations

import re

from gsubmit.server.session import Session
from gsubmit.server.submit import submit
from gsubmit.smtp.command import Command
from gsubmit.smtp.data import DataReader
from gsubmit.smtp.replies import BAD_CHUNK_MARKER, BAD_CHUNK_SIZE, START_MAIL, TALKED_TOO_EARLY
from gsubmit.smtp.reply import Disconnected, Refused, Reply

MAX_CHUNK_DIGITS = 18  # more would be no size of anything; keeps hostile numbers short
_CHUNK = re.compile(r"(\d+)(?: +(.*))?", re.ASCII)


def data(session: Session, _: Command) -> Reply | None:
    """Take a message up to CRLF.CRLF and pass it on."""
    if session.wire.has_input:  # the content, or more commands, before our 354 (SMG-8)
        raise Disconnected(TALKED_TOO_EARLY)
    transaction = session.transaction
    assert transaction is not None
    session.wire.send(START_MAIL)
    reader = DataReader()
    while not reader.ended:
        block = session.wire.read_block()
        transaction.take(reader.feed(block))
        session.wire.note_content(block[: len(block) - len(reader.rest)])
    session.wire.unread(reader.rest)
    return submit(session)


def readable_chunk_size(_: Session, command: Command) -> None:
    """Without a size nobody knows where the chunk ends and the next command begins: the connection has to end."""
    matched = _CHUNK.fullmatch(command.argument)
    if matched is None or len(matched[1]) > MAX_CHUNK_DIGITS:
        raise Disconnected(BAD_CHUNK_SIZE)


def good_chunk_marker(session: Session, command: Command) -> None:
    """LAST, or nothing."""
    if _read_chunk(command)[1] not in ("", "LAST"):
        assert session.transaction is not None
        session.transaction.is_spoiled = True
        raise Refused(BAD_CHUNK_MARKER)


def bdat(session: Session, command: Command) -> Reply | None:
    """Take a chunk; with LAST pass the message on."""
    size, marker = _read_chunk(command)
    transaction = session.transaction
    assert transaction is not None
    transaction.has_chunks = True
    while size:
        block = session.wire.read_block(size)
        transaction.take(block)
        session.wire.note_content(block)
        size -= len(block)
    if marker:
        return submit(session)
    if transaction.fault is not None:
        transaction.is_spoiled = True
        raise Refused(transaction.fault)
    return Reply(250, "2.0.0", f"Added {command.argument} octets")


def refuse_chunk(session: Session, command: Command) -> None:
    """Read the octets of a chunk that is refused, and drop them; the rest of the transaction goes the same way."""
    size, marker = _read_chunk(command)
    while size:
        block = session.wire.read_block(size)
        session.wire.note_content(block)
        size -= len(block)
    if session.transaction is not None and not session.transaction.is_spoiled:
        if marker:
            session.end_transaction()
        else:
            session.transaction.is_spoiled = True


def _read_chunk(command: Command) -> tuple[int, str]:
    size, _, marker = command.argument.partition(" ")
    return int(size), marker.strip().upper()
