"""A full mail_temp_dir: the client is told to try again, and the relay gets nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_message import hard_message, small_message
from tests.harness.peer_process import missing, need_root, public_folder
from tests.harness.peer_sink import sink

NO_ROOM = (452, b"4.3.1 Not enough room to take the message now")


@contextmanager
def _small_disk() -> Iterator[Path]:
    need_root()
    with public_folder("disk") as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], capture_output=True, check=False
        )
        if mounted.returncode:
            missing(f"cannot mount: {mounted.stderr.decode().strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_452_and_nothing_is_sent() -> None:
    with _small_disk() as disk, sink() as relay, gsubmit(relay.port, f"mail_temp_dir = {disk}") as server:
        with Client(server, tls=True) as client:
            assert client.submit(hard_message(2_000_000)) == NO_ROOM
            client.begin()
            assert client.submit_in_chunks(hard_message(2_000_000), (1_000_000, 100))[0] in (452, 503)
            client.rset()
            assert relay.messages == []
            assert client.submit(small_message("small", 300_000))[0] == 250
            assert len(relay.messages) == 1
        assert "cannot keep message" in server.log
        assert not list(disk.iterdir())
