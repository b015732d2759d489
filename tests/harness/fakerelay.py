"""A relay for tests: it accepts everything, unless a script says otherwise, and notes every octet it gets.

It is a strict peer: whatever a conforming client would not send is noted in `faults`, and fails the test.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from tests.harness.ports import free_port
from tests.harness.relayanswers import Mail
from tests.harness.relayscript import EVERY_OTHER, RelayScript
from tests.harness.relaytalk import RelayTalk
from tests.harness.scriptedpeer import ScriptedPeer

TEST_NET = ("192.0.2.1", 9)  # nobody hears it: connecting a datagram socket only looks at routes


@dataclass
class FakeRelay(ScriptedPeer):
    """Listens from `start` on, on `host` and `port`. `mails` holds each message whose last octet has come."""

    script: RelayScript = field(default_factory=RelayScript)
    mails: list[Mail] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    talks: list[RelayTalk] = field(default_factory=list)

    def start(self) -> None:
        if not self.script.is_configured:
            return
        if not self.script.is_reachable:
            self.port = free_port()
            return
        if self.script.place == "unix":
            path = f"{mkdtemp(prefix='gsubmit-tests-')}/relay"
            self.host, self.port = f"unix:{path}", 25  # a port that means nothing
            self.listen(socket.create_server(path, family=socket.AF_UNIX))
            return
        if self.script.place == "outside":
            self.host = outside_address()
        self.listen(socket.create_server((self.host, 0)))

    def conversation(self, sock: socket.socket) -> RelayTalk:
        self.talks.append(RelayTalk(sock, len(self.talks) + 1, self.script, self.mails, self.faults))
        return self.talks[-1]

    def stop(self) -> None:
        super().stop()
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
