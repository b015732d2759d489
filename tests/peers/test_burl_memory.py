"""BURL streams: what is fetched lies in files, however much of it is on its way (RFC 4468 8, BURL-23)."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

from tests.harness.peer_burl import OWNER, BurlClient, at
from tests.harness.peer_dovecot_imap import dovecot_imap
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_sink import sink

SESSIONS = 50
SIZE = 20_000_000
MESSAGE = b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * (SIZE // 78)
MOST = 150  # MB for the server; the messages have 1000


def _megabytes(server: Gsubmit, name: str) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) // 1024


def test_many_large_messages_at_once() -> None:
    """Each session's 20 MB go to a file as they come, and one of them from there to the relay."""
    settings = "passdb {\n driver = passwd-file\n args = {folder}/mailbox-users\n}\nmail_max_userip_connections = 0\n"
    with (
        dovecot_imap(("joe",)) as store,
        store.login("joe") as joe,
        sink(dump=False) as relay,
        gsubmit(relay.port, settings + at(store.authority, OWNER), {"mailbox-users": "joe:{PLAIN}secret\n"}) as server,
        ExitStack() as held,
    ):
        url = joe.genurlauth(f"{store.url('joe', 'INBOX', *joe.append('INBOX', MESSAGE))};URLAUTH=submit+joe")
        clients = [held.enter_context(BurlClient(server.port)) for _ in range(SESSIONS)]
        for client in clients:
            client.begin()
        for client in clients:
            client.putcmd(f"BURL {url}")
        assert [client.getreply() for client in clients] == [
            (250, f"2.5.0 Added {len(MESSAGE)} octets".encode())
        ] * SESSIONS
        assert clients[0].bdat(b"", "LAST")[:4] == "250 "
        assert _megabytes(server, "VmHWM") < MOST
