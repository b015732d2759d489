"""The journal of systemd as a place for the log, by its own protocol: lines with fields that journalctl looks for."""

from __future__ import annotations

import json
import os

from gsubmit.logs.places import Syslog

JOURNAL_SOCKET = "/run/systemd/journal/socket"
MAX_VALUE = 65536  # octets of one field: larger datagrams the kernel may refuse


class Journal(Syslog):
    """systemd.io/JOURNAL_NATIVE_PROTOCOL. A record is the fields as a JSON object, see JournalFields."""

    name = "the journal"

    def __init__(self) -> None:
        super().__init__()
        self.path = JOURNAL_SOCKET

    def datagrams(self, record: bytes) -> list[bytes]:
        """One message; a field with several values stands there several times."""
        octets = bytearray()
        for name, value in json.loads(record).items():
            for one in value if isinstance(value, list) else [value]:
                text = str(one).encode()[:MAX_VALUE]
                if b"\n" in text:
                    octets += name.encode() + b"\n" + len(text).to_bytes(8, "little") + text + b"\n"
                else:
                    octets += name.encode() + b"=" + text + b"\n"
        return [bytes(octets)]

    def plain(self, record: bytes) -> bytes:
        """Its text. The record may be one that was made plain before."""
        return str(json.loads(record)["MESSAGE"]).encode() + b"\n" if record.startswith(b"{") else record


def is_journal(file: int) -> bool:
    """Whether a file is the stream to the journal, which systemd says in JOURNAL_STREAM (systemd.exec(5))."""
    facts = os.fstat(file)
    return os.environ.get("JOURNAL_STREAM") == f"{facts.st_dev}:{facts.st_ino}"
