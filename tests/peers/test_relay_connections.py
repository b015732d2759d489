"""Many clients and few relay connections; a relay that is killed again and again loses and doubles nothing."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent

from tests.harness import peer_keeping_relay
from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_message import small_message
from tests.harness.peer_process import HOST

SESSIONS, MESSAGES = 20, 50  # of each session
MAX_CONNECTIONS = 5
SETTINGS = f"submission_relay_max_connections = {MAX_CONNECTIONS}\n"
LIFE, DEATHS = 1.0, 6  # seconds between two deaths, and how many
TIME = 30.0  # seconds for everything
_UNKNOWN = re.compile(r"submission\(.*?\)<(\S+?)>: Error: relay: .*; whether the relay took the message is unknown$")
_FAILED = re.compile(r"submission\(.*?\)<(\S+?)>: Info: Failed to relay message: .* msgid=<(\S+?)@")


class Keeping:
    """The relay, which can be killed and is there again at once."""

    def __init__(self, listener: socket.socket, folder: Path, delay: float) -> None:
        self._listener = listener
        self._folder = folder
        self._delay = delay
        (folder / "record").touch()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        descriptor = self._listener.fileno()
        files = [str(self._folder / name) for name in ("record", "peaks")]
        program = [peer_keeping_relay.__file__, str(descriptor), *files, str(self._delay)]
        return subprocess.Popen([sys.executable, "-ISs", *program], pass_fds=[descriptor], start_new_session=True)

    def restart(self) -> None:
        """Kill it, and start another one."""
        self.kill()
        self._process = self._start()

    def kill(self) -> None:
        """Nobody serves any more, but connections are still accepted."""
        self._process.kill()
        self._process.wait()

    @property
    def kept(self) -> Counter[str]:
        """How often each message is on its disk."""
        return Counter((self._folder / "record").read_text().split())

    @property
    def peak(self) -> int:
        """The most connections that it saw at a time."""
        return max(map(int, (self._folder / "peaks").read_text().split()))


@contextmanager
def keeping(folder: Path, delay: float) -> Iterator[tuple[Keeping, int]]:
    with socket.create_server((HOST, 0), backlog=100) as listener:
        relay = Keeping(listener, folder, delay)
        try:
            yield relay, listener.getsockname()[1]
        finally:
            relay.kill()


def _submit_all(server: Gsubmit, session: int, pause: float, replies: dict[str, int]) -> None:
    """Many messages in one session, each tried once; the code that each has got."""
    with Client(server) as client:
        for number in range(MESSAGES):
            token = f"t{session}-{number}"
            message = small_message(token, 1000)
            replies[token] = client.submit(message)[0] if number % 2 else client.submit_in_chunks(message, (300,))[0]
            if replies[token] != 250:
                client.rset()
            gevent.sleep(pause)


def _load(server: Gsubmit, pause: float) -> dict[str, int]:
    replies: dict[str, int] = {}
    with gevent.Timeout(TIME):
        sessions = [gevent.spawn(_submit_all, server, number, pause, replies) for number in range(SESSIONS)]
        gevent.joinall(sessions, raise_error=True)
    return replies


def test_a_thousand_messages_use_no_more_connections_than_allowed(tmp_path: Path) -> None:
    with keeping(tmp_path, 0.002) as (relay, port), gsubmit(port, SETTINGS) as server:
        replies = _load(server, 0)
        assert Counter(replies.values()) == {250: SESSIONS * MESSAGES}
        assert relay.kept == Counter(list(replies))  # each once
        assert relay.peak == MAX_CONNECTIONS


def _unknown(log: str) -> set[str]:
    """The messages of which the log says that their fate is unknown: the next one to fail in that session."""
    sessions, tokens = set(), set()
    for line in log.splitlines():
        if matched := _UNKNOWN.search(line):
            sessions.add(matched[1])
        elif (matched := _FAILED.search(line)) and matched[1] in sessions:
            sessions.remove(matched[1])
            tokens.add(matched[2])
    assert not sessions
    return tokens


def _kill_now_and_then(relay: Keeping) -> None:
    for _ in range(DEATHS):
        gevent.sleep(LIFE)
        relay.restart()


def test_a_relay_that_is_restarted_every_second_loses_and_doubles_nothing(tmp_path: Path) -> None:
    began = time.monotonic()
    with keeping(tmp_path, 0.02) as (relay, port), gsubmit(port, SETTINGS) as server:
        killer = gevent.spawn(_kill_now_and_then, relay)
        replies = _load(server, 0.1)
        killer.join()
        kept, unknown = relay.kept, _unknown(server.log)
        assert server.process.poll() is None
    assert len(replies) == SESSIONS * MESSAGES
    accepted = {token for token, code in replies.items() if code == 250}
    assert set(replies.values()) <= {250, 451}, Counter(replies.values())
    assert max(kept.values()) == 1
    assert accepted <= set(kept)
    assert set(kept) - accepted <= unknown <= set(replies) - accepted
    assert len(accepted) > 0.9 * len(replies)
    assert unknown  # or no death came at an interesting moment
    assert relay.peak <= MAX_CONNECTIONS
    assert time.monotonic() - began < TIME
