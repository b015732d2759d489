"""A relay for tests: it accepts everything, unless a script says otherwise, and notes every octet it gets.

It is a strict peer: whatever a conforming client would not send is noted in `faults`, and fails the test.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import gevent
from gevent.greenlet import Greenlet

from tests.harness import relaytls
from tests.harness.relayanswers import Mail
from tests.harness.relayscript import EVERY_OTHER, RelayScript
from tests.harness.relaytalk import HungUp, RelayTalk
from tests.harness.serving import free_port

RECEIVE_BUFFER = (
    65536  # octets; small, so that a large message never fits into the buffers of a relay that stops reading
)
TEST_NET = ("192.0.2.1", 9)  # nobody hears it: connecting a datagram socket only looks at routes
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class FakeRelay:
    """Listens from `start` on, on `host` and `port`. `mails` holds each message whose last octet has come."""

    script: RelayScript = field(default_factory=RelayScript)
    host: str = "127.0.0.1"
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    talks: list[RelayTalk] = field(default_factory=list)
    _listener: socket.socket | None = None
    _greenlets: list[Greenlet[..., None]] = field(default_factory=list)

    def start(self) -> None:
        if not self.script.is_configured:
            return
        if not self.script.is_reachable:
            self.port = free_port()
            return
        self._listener = self._listen()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._greenlets.append(gevent.spawn(self._accept, self._listener))

    def _listen(self) -> socket.socket:
        """On the place that the script names."""
        if self.script.place == "unix":
            path = f"{mkdtemp(prefix='gsubmit-tests-')}/relay"
            self.host, self.port = f"unix:{path}", 25  # a port that means nothing
            return socket.create_server(path, family=socket.AF_UNIX)
        if self.script.place == "outside":
            self.host = outside_address()
        listener = socket.create_server((self.host, 0))
        self.port = listener.getsockname()[1]
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            sock, _ = listener.accept()
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = RelayTalk(sock, len(self.talks) + 1, self.script, self.mails, self.faults)
            self.talks.append(talk)
            self._greenlets.append(gevent.spawn(self._serve, talk))

    def _serve(self, talk: RelayTalk) -> None:
        try:
            if self.script.implicit_tls:
                talk.sock = relaytls.wrapped(talk.sock)
            talk.converse()
        except HungUp as end:
            if end.hard:
                talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        except OSError:
            pass  # the other side is gone
        finally:
            talk.sock.close()

    def stop(self) -> None:
        gevent.killall(self._greenlets)
        if self._listener is not None:
            self._listener.close()
        if self.host.startswith("unix:"):
            path = Path(self.host.removeprefix("unix:"))
            path.unlink()
            path.parent.rmdir()

    @property
    def accepted(self) -> list[Mail]:
        """The messages that the relay took over."""
        return [mail for mail in self.mails if mail.is_accepted]

    def unheard(self) -> list[str]:
        """Lines of the scripts that no command has matched."""
        missing = []
        for number in self.script.connections:
            if number != EVERY_OTHER:
                talk = self.talks[number - 1] if number <= len(self.talks) else None
                left = talk.unheard() if talk else ["(there was no such connection)"]
                missing += [f"relay connection {number} never heard {line!r}" for line in left]
        return missing


def outside_address() -> str:
    """An IPv4 address of this machine that is not a loopback one, or empty."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(TEST_NET)
        address = str(sock.getsockname()[0])
        return "" if address.startswith("127.") else address
    return ""
