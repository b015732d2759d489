"""A relay that dies in the middle of a body: the server goes on, nothing is delivered twice, the client is told."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent

from tests.harness import peer_dying_relay
from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_message import small_message
from tests.harness.peer_process import HOST
from tests.harness.peer_sink import dumped, sink_folder, sink_in
from tests.harness.ports import free_ports

ROUNDS = 50
SIZE = 4_000_000  # octets of a message: more than the buffers of a connection hold

CLOSING = (421, 451)


class Reborn:
    """A relay that dies as told; another one, which stays, takes its place at once on the same socket."""

    def __init__(self, listener: socket.socket, record: Path) -> None:
        self._listener = listener
        self._record = record
        self._process = self._start(0)
        self._heir: gevent.Greenlet[[subprocess.Popen[bytes]], None] | None = None

    def live(self, octets: int) -> None:
        """From now on a relay is there that dies after so many octets."""
        self.close()
        self._process = self._start(octets)
        self._heir = gevent.spawn(self._succeed, self._process)

    def _succeed(self, mortal: subprocess.Popen[bytes]) -> None:
        mortal.wait()
        self._process = self._start(0)

    def _start(self, octets: int) -> subprocess.Popen[bytes]:
        descriptor = self._listener.fileno()
        arguments = [peer_dying_relay.__file__, str(descriptor), str(octets), str(self._record)]
        return subprocess.Popen([sys.executable, "-ISs", *arguments], pass_fds=[descriptor], start_new_session=True)

    def close(self) -> None:
        """Nobody is there any more."""
        if self._heir is not None:
            self._process.kill()
            self._heir.join()
        self._process.kill()
        self._process.wait()


@contextmanager
def reborn(record: Path) -> Iterator[tuple[Reborn, int]]:
    with socket.create_server((HOST, 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # little can hide in it
        relay = Reborn(listener, record)
        try:
            yield relay, listener.getsockname()[1]
        finally:
            relay.close()


def test_a_relay_that_dies_and_comes_back_gets_each_message_once_or_not_at_all(tmp_path: Path) -> None:
    record = tmp_path / "record"
    record.touch()
    rng = random.Random(6)
    codes = []
    with reborn(record) as (relay, port), gsubmit(port) as server, Client(server) as client:
        for number in range(ROUNDS):
            relay.live(rng.randrange(60, SIZE + 2000))
            code, _ = client.submit(small_message(f"token{number}", SIZE))
            codes.append(code)
            taken = record.read_bytes().split().count(f"token{number}".encode())
            assert code == 250 or code in CLOSING
            assert taken == 1 if code == 250 else taken <= 1
        relay.live(0)
        assert client.submit(small_message("alive"))[0] == 250
        assert server.process.poll() is None
    assert set(codes) == {250, 451}  # lost before the end of the message was sent, and after it


def test_a_sink_that_is_killed_gets_no_message_twice() -> None:
    message = small_message("padding", SIZE)
    (port,), rng = free_ports(1), random.Random(6)
    codes = []
    with sink_folder() as folder, gsubmit(port) as server, Client(server) as client:
        with sink_in(folder, port):
            undisturbed, code = _timed(client, message)
            assert code == 250
        for number in range(ROUNDS):
            with sink_in(folder, port) as relay:
                killer = gevent.spawn_later(rng.uniform(0, undisturbed), relay.process.kill)
                took, code = _timed(client, message.replace(b"<padding@", f"<token{number}@".encode()))
                killer.join()
            codes.append(code)
            if code == 250:  # other work on the machine may have made the first one slow
                undisturbed = min(undisturbed, took)
        with sink_in(folder, port):
            assert client.submit(small_message("alive"))[0] == 250
        assert server.process.poll() is None
        last_line = message.rpartition(b"\r\n")[0][-70:]
        whole = [one for one in dumped(folder) if one.rstrip().endswith(last_line)]
    assert set(codes) <= {250, *CLOSING}, codes
    assert sum(code in CLOSING for code in codes) > ROUNDS / 10, codes
    for number in range(ROUNDS):  # what a sink had in its buffers when it was killed after its 250 is lost
        assert sum(f"<token{number}@".encode() in one for one in whole) <= 1


def _timed(client: Client, message: bytes) -> tuple[float, int]:
    began = time.monotonic()
    code, _ = client.submit(message)
    return time.monotonic() - began, code
