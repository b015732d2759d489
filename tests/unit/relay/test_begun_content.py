"""Content that was begun and cannot be finished: the connection is closed, and nothing else follows (RLY-10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from gsubmit.message.body import MessageBody
from gsubmit.relay.relay import Relay
from gsubmit.smtp.replies import NO_ROOM
from gsubmit.smtp.reply import Refused, Reply
from tests.harness.smtpserver import Server, ehlo
from tests.unit.relay.relaying import begin, busy, message, recipient, relaying

HEADER = b"Received: here\r\n"
CONTENT = b"Subject: x\r\n\r\n" + (b"x" * 78 + b"\r\n") * 10000  # it is in a file, and is read in blocks
UNKNOWN = "whether the relay took the message is unknown"
BLOCKS = 4  # of them, before something happens


class Spool(MessageBody):
    """A body whose reading is interrupted."""

    interrupt: Callable[[], None]

    def blocks(self) -> Iterator[bytes]:
        for number, block in enumerate(super().blocks()):
            if number == BLOCKS:
                self.interrupt()
            yield block


def fail() -> None:
    raise OSError(5, "Input/output error")


def send(relay: Relay, folder: Path, interrupt: Callable[[], None]) -> Reply:
    body = Spool(str(folder))
    body.interrupt = interrupt
    body.append(CONTENT)
    delivery = begin(relay)
    try:
        recipient(delivery)
        return delivery.send(lambda _: HEADER, body)
    except Refused as refused:
        return refused.reply
    finally:
        delivery.abort()
        body.close()


def ended(server: Server) -> bytes:
    """What the relay got of the message, once it has seen the end of the connection."""
    with gevent.Timeout(10):
        while server.talks[0].is_open:
            gevent.sleep(0.01)
    return server.talks[0].begun


@pytest.fixture(params=[ehlo("PIPELINING", "CHUNKING"), ehlo("PIPELINING")], ids=["CHUNKING", "DATA"])
def server(request: pytest.FixtureRequest) -> Server:
    return Server({"EHLO": request.param})


def check(server: Server, relay: Relay, folder: Path) -> None:
    """It got the beginning of the message and not one octet more, and the next message goes elsewhere."""
    begun = ended(server)
    assert len(HEADER) < len(begun) < len(HEADER + CONTENT)
    is_beginning = (HEADER + CONTENT).startswith(begun)  # a name of its own: not to print it all
    assert is_beginning, begun[-100:]
    assert server.mails == []
    assert (busy(relay), relay.pool.idle) == (0, [])
    assert message(relay, folder).code == 250
    assert [len(talk.mails) for talk in server.talks] == [0, 1]


def test_a_spool_that_cannot_be_read(tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with relaying(server) as relay:
        assert send(relay, tmp_path, fail) == NO_ROOM
        check(server, relay, tmp_path)
    assert "cannot read or convert the message: [Errno 5] Input/output error" in caplog.text
    assert UNKNOWN not in caplog.text  # the relay cannot have taken it


def test_a_session_that_is_killed(tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    reading = Event()

    def wait() -> None:
        reading.set()
        Event().wait()

    with relaying(server) as relay:
        session = gevent.spawn(send, relay, tmp_path, wait)
        assert reading.wait(10)
        session.kill()
        check(server, relay, tmp_path)
    assert UNKNOWN not in caplog.text
