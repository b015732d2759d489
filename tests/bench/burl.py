"""What a message of 20 MB costs by BURL, beside Dovecot's own BURL on the same store and relay.

Of Dovecot every process counts, also those that have ended, by a cgroup where there may be one. gsubmit fetches from the same Dovecot by IMAP, whose own share is shown apart.
"""

from __future__ import annotations

import os
import smtplib
from contextlib import ExitStack
from pathlib import Path

from tests.bench.cpu import Group, cpu_seconds
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_process import HOST
from tests.harness.peer_sink import sink

MESSAGE = b"From: <joe@example.org>\r\nSubject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * (20_000_000 // 78)
MEGABYTES = len(MESSAGE) / 1e6
MESSAGES = 10
ROUNDS = 3
SETTINGS = """
passdb {{
  driver = static
  args = password=secret
}}
imap_urlauth_host = localhost
imap_urlauth_port = {port}
imap_urlauth_master_user = proxy
imap_urlauth_master_password = secret
mail_max_userip_connections = 0
"""


def measure() -> None:
    """Print a line for each server."""
    with ExitStack() as stack:
        relay, group = stack.enter_context(sink(dump=False)), Group("store")
        stack.callback(group.close)
        with group.inside():
            store = stack.enter_context(dovecot_imap(relay_port=relay.port))
        with store.login("joe") as owner:
            url = owner.genurlauth(store.url("joe", "INBOX", *owner.append("INBOX", MESSAGE)) + ";URLAUTH=submit+joe")
        print(f"{'BURL 20 MB':16}{'CPU ms per MB':>16}{'of the store':>14}")
        with gsubmit(relay.port, SETTINGS.format(port=store.port)) as server:
            ours, theirs, dovecots = [], [], []
            for _ in range(ROUNDS):
                before, at_store = cpu_seconds(server.process.pid), _used(group, store)
                _submit(server.port, url)
                ours.append(cpu_seconds(server.process.pid) - before)
                theirs.append(_used(group, store) - at_store)
                before = _used(group, store)
                _submit(store.submission_port, url)
                dovecots.append(_used(group, store) - before)
        each = 1000 / MEGABYTES / MESSAGES
        print(f"{'gsubmit':16}{min(ours) * each:16.2f}{min(theirs) * each:14.2f}")
        print(f"{'Dovecot':16}{min(dovecots) * each:16.2f}{'':>14}", flush=True)


def _submit(port: int, url: str) -> None:
    with smtplib.SMTP(HOST, port, timeout=60) as client:
        client.ehlo()
        client.login("joe", "secret")
        for _ in range(MESSAGES):
            for command, code in (
                ("MAIL FROM:<joe@example.org>", 250),
                ("RCPT TO:<a@example.org>", 250),
                (f"BURL {url} LAST", 250),
            ):
                reply = client.docmd(command)
                assert reply[0] == code, (command.partition(" ")[0], reply)


def _used(group: Group, store: DovecotImap) -> float:
    """CPU seconds of all processes of this Dovecot. Without a group those are missing whose parents have ended too."""
    if (used := group.cpu_seconds) is not None:
        return used
    base = str(store.folder)
    total = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            line = (process / "cmdline").read_bytes().decode(errors="replace")
            parent = (Path("/proc") / fields[1] / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if base in line or base in parent:
            total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total
