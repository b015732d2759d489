"""The log of a server as it runs, on bad days: every message is taken, and the process ends when it is told to."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent

from gsubmit.relay.maildir import MaildirRelay
from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_message import small_message
from tests.harness.peer_process import HOST, children, eventually, need_root, public_folder

PIPE = 4096  # octets, a page: the least that Linux gives a pipe
ENOUGH = 20  # messages, whose lines fill it
# The user that the server becomes cannot read the file of users.
STATIC = """
default_internal_user = nobody
passdb {
  driver = static
  args = password=secret
}
"""
STOP_TIME = 20.0  # seconds; a gentle stop with nobody connected takes none, a log that is stuck two


@contextmanager
def serving(folder: Path, settings: str) -> Iterator[Gsubmit]:
    relay = MaildirRelay(folder / "Maildir", "relay.example.org")
    try:
        with gsubmit(relay.port, settings) as server:
            yield server
    finally:
        relay.close()


def submit(server: Gsubmit, number: int) -> list[int]:
    """That many messages, each in a session of its own; the codes of the replies."""
    codes = []
    for _ in range(number):
        with Client(server) as client:
            codes.append(client.submit(small_message("log", 10))[0])
    return codes


def stop(server: Gsubmit) -> int:
    server.process.send_signal(signal.SIGTERM)
    return server.process.wait(STOP_TIME)


def test_a_log_that_nobody_reads(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE)
    with serving(tmp_path, f"log_path = {tmp_path}/fifo\n") as server:
        assert submit(server, ENOUGH) == [250] * ENOUGH
        assert stop(server) == 0
        assert "Traceback" not in server.log
    assert len(os.read(reader, 2 * PIPE)) <= PIPE  # it was stuck
    os.close(reader)


def test_a_log_that_cannot_be_opened_again(tmp_path: Path) -> None:
    """Moved away in a folder of root's: lines go on in the old file, also those of sessions that were there."""
    need_root()
    with (
        public_folder("log") as folder,
        serving(tmp_path, f"{STATIC}log_path = {folder}/log\n") as server,
        Client(server) as client,
    ):
        # The master says this as root, who could open the file again.
        eventually("the start", lambda: "serving on " in (folder / "log").read_text())
        (folder / "log").rename(folder / "log.1")
        assert submit(server, 2) == [250, 250]
        eventually("a look", lambda: submit(server, 1) and "cannot open" in (folder / "log.1").read_text())
        assert client.submit(small_message("log", 10))[0] == 250
        (folder / "log").touch()
        os.chown(folder / "log", (folder / "log.1").stat().st_uid, -1)
        eventually("the new file", lambda: submit(server, 1) and "Relayed message" in (folder / "log").read_text())
        assert server.log == ""


def test_no_line_is_lost_at_the_end(tmp_path: Path) -> None:
    with serving(tmp_path, f"log_path = {tmp_path}/log\n") as server:
        assert submit(server, ENOUGH) == [250] * ENOUGH
        assert stop(server) == 0
    text = (tmp_path / "log").read_text()
    assert text.count("Info: Relayed message: ") == ENOUGH
    assert text.endswith(" gsubmit: Info: stopped\n")


def test_lines_of_two_workers_as_json(tmp_path: Path) -> None:
    """On the standard error, as a container has it; all of one session have its id."""
    settings = "log_format = json\nservice submission-login {\n  process_min_avail = 2\n}\n"
    with serving(tmp_path, settings) as server:
        gevent.joinall([gevent.spawn(submit, server, ENOUGH) for _ in range(4)], raise_error=True)
        assert stop(server) == 0
        lines = [json.loads(line) for line in server.log.splitlines()]
    relayed = [line for line in lines if line["message"].startswith("Relayed message")]
    logins = {line["session"]: line for line in lines if line["message"].startswith("Login: ")}
    assert len(relayed) == len(logins) == 4 * ENOUGH
    for line in relayed:
        assert (line["user"], line["nrcpt"], line["program"]) == (logins[line["session"]]["user"], 1, "submission")
        assert line["relay"].startswith("127.0.0.1:") and line["reply"].startswith("250 ")
    assert lines[-1]["message"] == "stopped"


def test_no_descriptors_are_left(tmp_path: Path) -> None:
    """Said at the start, and once more when it comes to that; no traceback, and it ends with the crowd."""
    settings = f"log_path = {tmp_path}/log\n"
    with serving(tmp_path, settings) as server:
        eventually("the start", lambda: "serving on " in (tmp_path / "log").read_text())
        for worker in children(server.process.pid):
            number = len(os.listdir(f"/proc/{worker}/fd")) + 5
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (number, number))
        crowd = [socket.create_connection((HOST, server.port)) for _ in range(20)]
        eventually("the line", lambda: "cannot accept clients: Too many open files" in (tmp_path / "log").read_text())
        for sock in crowd:
            sock.close()
        assert submit(server, 1) == [250]
        assert "Traceback" not in server.log + (tmp_path / "log").read_text()
