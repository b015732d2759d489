"""The content of one message on one connection: by BDAT or DATA, in step or not at all (RLY-10).

`committed` is called just before the last octets leave: from then on the relay may have the message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import chain

from gsubmit.dial.answer import KeywordRefused, RelayFailed, SaidMore, for_client
from gsubmit.dial.connection import RelayConnection
from gsubmit.fairness import let_others_run
from gsubmit.message.body import BLOCK
from gsubmit.message.content import Content
from gsubmit.metrics.current import Buckets
from gsubmit.metrics.figures import RELAY_LATENCY
from gsubmit.smtp.data import stuffed
from gsubmit.smtp.replies import RELAY_LOST, RELAY_NONSENSE, RELAY_SLOW
from gsubmit.smtp.reply import Reply

# Whoever says this to BDAT does not know it, whatever EHLO listed.
_NO_CHUNKING = frozenset({500, 502, 503, 504})
# The first chunk holds octets of ours only, and nothing in it can be wrong.
_NO_FIRST_CHUNK = _NO_CHUNKING | {501, 555}

_LATENCY = Buckets(RELAY_LATENCY, "message")

Committed = Callable[[], None]


def hand_over(
    connection: RelayConnection,
    header: bytes,
    body: Content,
    committed: Committed,
    *,
    knows_bdat: bool = False,
    has_asked_data: bool = False,
) -> Reply:
    """Send `header` and `body`; the relay's final reply, as it was said. Raises RelayFailed, KeywordRefused among it.

    `knows_bdat`: this relay has taken a whole message by BDAT before. `has_asked_data`: DATA went out behind the last
    RCPT, and its answer is still to be heard.

    A refusal in the middle of the content ends the connection, and so does any refusal of a chunk: nobody knows how
    much of it the relay has read, and what it takes the rest for (RFC 3030 2 binds only those who know BDAT).
    """
    try:
        if has_asked_data:
            return _by_data(connection, _go_ahead(connection), header, body, committed)
        connection.check_silence()
        # Nothing but a header of ours proves BDAT: an empty chunk is refused by Postfix.
        if "CHUNKING" in connection.capabilities and (connection.takes_chunks or header):
            return _by_chunks(connection, header, body, committed, knows_bdat=knows_bdat)
        return _by_data(connection, connection.ask("DATA"), header, body, committed)
    except BaseException:
        connection.close()  # content that was begun is ended by closing and by nothing else
        raise


def _by_chunks(
    connection: RelayConnection, header: bytes, body: Content, committed: Committed, *, knows_bdat: bool
) -> Reply:
    if not connection.takes_chunks:
        refusal = _first_chunk(connection, header)
        if refusal is not None:
            return refusal
        header = b""
    connection.begin_content(b"BDAT %d LAST\r\n" % (len(header) + body.size))
    reply = _send(connection, header, body.blocks(), committed)
    if reply.refuses:
        connection.close()
        if reply.code in _NO_CHUNKING and not knows_bdat:  # else it is about the message, whatever the code
            raise _lacks_chunking(connection, reply)
    return reply


def _first_chunk(connection: RelayConnection, header: bytes) -> Reply | None:
    """A chunk of our own, and its answer: to a relay without BDAT it is lines to be carried out. A refusal, or None."""
    connection.begin_content(b"BDAT %d\r\n" % len(header))
    connection.content(header)
    connection.flush()
    connection.end_content()
    try:
        reply = connection.hear()
    except RelayFailed as failure:
        if failure.reply is not RELAY_SLOW:
            raise
        why = f"{connection} lists CHUNKING and does not answer BDAT"
        raise KeywordRefused(RELAY_SLOW, why, "CHUNKING") from failure
    if reply.refuses:
        connection.close()
        if reply.code in _NO_FIRST_CHUNK:
            raise _lacks_chunking(connection, reply)
        return reply
    connection.takes_chunks = True
    connection.check_silence()
    return None


def _lacks_chunking(connection: RelayConnection, reply: Reply) -> KeywordRefused:
    return KeywordRefused(RELAY_NONSENSE, f"{connection} lists CHUNKING and answered BDAT with: {reply}", "CHUNKING")


def _go_ahead(connection: RelayConnection) -> Reply:
    """The answer to a DATA that was sent before, which has most likely come by now."""
    connection.is_silent()  # takes in what is there, where read_reply would wait first
    reply = connection.read_reply()
    if reply.code // 100 == 2:  # one more than there were recipients; the message goes by another connection
        raise SaidMore(RELAY_NONSENSE, f"{connection} answered DATA with: {reply}", said=reply, lost=True)
    return reply


def _by_data(connection: RelayConnection, go_ahead: Reply, header: bytes, body: Content, committed: Committed) -> Reply:
    if go_ahead.code == 421:
        raise RelayFailed(for_client(go_ahead), f"{connection} said: {go_ahead}", lost=True)
    if go_ahead.refuses:
        return go_ahead
    if go_ahead.code != 354:
        raise RelayFailed(RELAY_NONSENSE, f"{connection} answered DATA with: {go_ahead}")
    connection.check_silence()  # what came with the go-ahead would be taken for the answer to the message
    connection.begin_content()
    return _send(connection, b"", stuffed(chain((header,) if header else (), body.blocks())), committed)


def _send(connection: RelayConnection, header: bytes, blocks: Iterable[bytes], committed: Committed) -> Reply:
    """The content, up to its end, and the reply to it."""
    if header:
        connection.content(header)
    try:
        _put_all(connection, blocks, committed)
    except RelayFailed:
        reply = connection.last_words()
        connection.close()
        if reply is None or reply.code == 421:
            raise
        return reply
    connection.end_content()
    connection.timeout_now = connection.hop.data_done_timeout
    began = time.monotonic()
    reply = connection.hear_final()
    _LATENCY.observe(time.monotonic() - began)
    connection.is_in_transaction = False
    return reply


def _put_all(connection: RelayConnection, blocks: Iterable[bytes], committed: Committed) -> None:
    """Hand over all blocks. A relay that refuses in the middle is heard, and gets no more."""
    for block in blocks:
        if connection.outgoing_size >= BLOCK:
            has_sent = connection.flush_until_answered()
            let_others_run()  # a relay that never makes us wait must not keep other sessions waiting
            if not (has_sent and connection.is_silent()):
                raise _interrupted(connection)
        connection.content(block)
    committed()  # never a second time from here on
    if not connection.flush_until_answered():
        raise _interrupted(connection)


def _interrupted(connection: RelayConnection) -> RelayFailed:
    return RelayFailed(RELAY_LOST, f"{connection} answered in the middle of the message", lost=True)
