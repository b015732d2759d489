"""Those who make others wait: `python -m tests.bench.attackers NAME PORT TLS_PORT`. A program without gevent.

Each of them prepares what it needs, prints "ready", waits for a line on its input, prints "begun" when it holds what it
wants to hold, and goes on until somebody ends it.
"""

from __future__ import annotations

import os
import resource
import socket
import ssl
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress

from tests.bench.tlsrecords import client_hellos, key_updates

RECORDS = 700_000  # of 27 octets: 7.5 seconds of 20 Mbit/s
HELLOS = 600_000
SLOWLY = 20e6 / 8  # octets per second
KNOCKS = 300  # connections per second
UPLOADS = 100
SESSIONS = 100  # of one user who idles within transactions
ADDRESSES = 100  # of one user who takes all places, ten sessions each
BOUNDARY = b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
HEADERS = BOUNDARY + (b"--x\r\n" + b"a: b\r\n" * 600 + b"\r\ntext\r\n") * 990 + b"--x--\r\n"
DASHES = BOUNDARY + b"\r\n--" * 9_000_000 + b"\r\n"


def _ready() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def _begun() -> None:
    print("begun", flush=True)


def main() -> None:
    """Attack until the end."""
    name, port, tls_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.nice(5)  # others wait for the server, not for us
    ATTACKS[name](port, tls_port)
    threading.Event().wait()


# TLS


def _send_records(sock: socket.socket, records: bytes, rate: float) -> None:
    """At so many octets per second (0: as fast as they are taken)."""
    _ready()
    _begun()
    _read_on(sock)
    start, at = time.monotonic(), 0
    with suppress(OSError):  # the end of it, if the server makes one
        while at < len(records):
            at += sock.send(records[at : at + 65536])
            if rate:
                time.sleep(max(at / rate - (time.monotonic() - start), 0))


def _read_on(sock: socket.socket) -> None:
    """Take what the server says, and forget it."""

    def read() -> None:
        with suppress(OSError):
            while sock.recv(65536):
                pass

    threading.Thread(target=read, daemon=True).start()


# Sessions


class Session:
    """A client in lock-step."""

    def __init__(self, port: int, source: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 60, (source, 0))
        self._replies = self.sock.makefile("rb")
        self.reply()

    def reply(self) -> bytes:
        line = self._replies.readline()
        while line[3:4] == b"-":
            line = self._replies.readline()
        return line

    def ask(self, line: bytes) -> bytes:
        self.sock.sendall(line + b"\r\n")
        return self.reply()

    def log_in(self, user: str) -> None:
        self.ask(b"EHLO client.example.org")
        self.ask(b"AUTH PLAIN " + b64encode(f"\0{user}\0secret".encode()))

    def begin(self) -> None:
        self.ask(b"MAIL FROM:<a@example.org>")
        self.ask(b"RCPT TO:<b@example.org>")


def _upload(port: int) -> None:
    """Users who send a line each second. It returns when all of them have begun."""
    sessions = []
    for number in range(UPLOADS):
        with suppress(OSError):
            session = Session(port, f"127.0.1.{number + 1}")
            session.log_in(f"slow{number}@example.org")
            session.begin()
            session.ask(b"DATA")
            sessions.append(session)

    def go_on() -> None:
        while True:
            for session in sessions:
                with suppress(OSError):
                    session.sock.sendall(b"a line\r\n")
            time.sleep(1)

    threading.Thread(target=go_on, daemon=True).start()


def _idle(port: int) -> None:
    """One user who says MAIL in many sessions, and then nothing but NOOP. It returns when all have begun."""
    sessions = []
    for number in range(SESSIONS):
        with suppress(OSError):
            session = Session(port, f"127.0.2.{number // 10 + 1}")
            session.log_in("greedy@example.org")
            session.begin()
            sessions.append(session)

    def go_on() -> None:
        while True:
            for session in sessions:
                with suppress(OSError):
                    session.ask(b"NOOP")
            time.sleep(2)

    threading.Thread(target=go_on, daemon=True).start()


def _holding(*holders: Callable[[int], None]) -> Callable[[int, int], None]:
    """All of these at a time."""

    def attack(port: int, _: int) -> None:
        _ready()
        threads = [threading.Thread(target=holder, args=(port,), daemon=True) for holder in holders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _begun()

    return attack


def _strangers(port: int, _: int) -> None:
    """One address that opens connections and says nothing."""
    _ready()
    _begun()
    held = []
    start, number = time.monotonic(), 0
    while True:
        number += 1
        with suppress(OSError):
            sock = socket.socket()
            sock.bind(("127.0.5.1", 0))
            sock.setblocking(False)
            held.append(sock)
            sock.connect(("127.0.0.1", port))
        time.sleep(max(start + number / KNOCKS - time.monotonic(), 0))


def _everywhere(port: int, _: int) -> None:
    """One user, from many addresses, in as many sessions as one address may have."""
    _ready()
    held = []
    for number in range(ADDRESSES * 10):
        with suppress(OSError):
            session = Session(port, f"127.0.3.{number // 10 + 1}")
            session.log_in("greedy@example.org")
            held.append(session)
    _begun()
    threading.Event().wait()


# Work


def _submit(content: bytes, clients: int) -> Callable[[int, int], None]:
    """One user with some connections, who sends this as binary content again and again."""

    def client(port: int) -> None:
        while True:
            with suppress(OSError):
                session = Session(port, "127.0.4.1")
                session.log_in("busy@example.org")
                while True:
                    session.ask(b"MAIL FROM:<a@example.org> BODY=BINARYMIME")
                    session.ask(b"RCPT TO:<b@example.org>")
                    session.sock.sendall(b"BDAT %d LAST\r\n" % len(content))
                    session.sock.sendall(content)
                    if not session.reply():
                        break

    def attack(port: int, _: int) -> None:
        _ready()
        _begun()
        for _ in range(clients):
            threading.Thread(target=client, args=(port,), daemon=True).start()

    return attack


def _flood(octets: bytes, *, tls: bool = False) -> Callable[[int, int], None]:
    """The same octets without end, before any login, on a new connection whenever one is closed."""

    def attack(port: int, tls_port: int) -> None:
        _ready()
        _begun()
        while True:
            with suppress(OSError):
                sock = socket.create_connection(("127.0.0.1", tls_port if tls else port), 60)
                if tls:
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                    context.check_hostname = False
                    context.verify_mode = ssl.CERT_NONE
                    sock = context.wrap_socket(sock)
                else:
                    _read_on(sock)
                while True:
                    sock.sendall(octets)

    return attack


ATTACKS: dict[str, Callable[[int, int], None]] = {
    "slow KeyUpdate": lambda _, port: _send_records(*key_updates(port, RECORDS), SLOWLY),
    "KeyUpdate": lambda _, port: _send_records(*key_updates(port, RECORDS), 0),
    "ClientHello in TLS 1.2": lambda _, port: _send_records(*client_hellos(port, HELLOS), 0),
    "100 slow uploads": _holding(_upload),
    "100 idle transactions": _holding(_idle),
    "uploads and idle": _holding(_upload, _idle),
    "300 knocks a second": _strangers,
    "one user everywhere": _everywhere,
    "headers": _submit(HEADERS, 2),
    "dashes": _submit(DASHES, 2),
    "NOOP": _flood(b"NOOP\r\n" * 10_000),
    "endless line": _flood(b"x" * 65536),
    "endless line by TLS": _flood(b"x" * 65536, tls=True),
}

if __name__ == "__main__":
    main()
