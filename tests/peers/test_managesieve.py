"""A script for outgoing mail that a user puts there with ManageSieve (RFC 5804), at Dovecot's server for it."""

from __future__ import annotations

import shutil
import smtplib
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.harness.peer_copies import USER, submit
from tests.harness.peer_dovecot import dovecot
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_process import HOST, missing
from tests.harness.peer_sent import message
from tests.harness.peer_sink import sink
from tests.harness.ports import free_port

_SERVER = Path("/usr/lib/dovecot/managesieve-login")
MANAGESIEVE = """
protocols = submission sieve
disable_plaintext_auth = no
service managesieve-login {
  inet_listener sieve {
    port = %d
  }
}
plugin {
  sieve = file:~/sieve;active=~/.dovecot.sieve
}
"""
STATIC = "driver = static\n  args = password=secret"
PLACE = "submission_sieve = {mail}/%u/sieve/outgoing.sieve\n"
REFUSES = 'require "reject";\nif header :contains "subject" "first" { reject "by a script"; }\n'
LETS_PASS = "keep;\n"


class ManageSieve:
    """A client, logged in."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection((HOST, port), 20)
        self._lines = self._sock.makefile("rb")
        self._hear()
        self.say(b'AUTHENTICATE "PLAIN" "%b"' % b64encode(f"\0{USER}\0secret".encode()))

    def say(self, command: bytes) -> None:
        self._sock.sendall(command + b"\r\n")
        self._hear()

    def _hear(self) -> None:
        for line in self._lines:
            if line.upper().startswith((b"OK", b"NO", b"BYE")):
                assert line.upper().startswith(b"OK"), line
                return
        pytest.fail("the server has gone")

    def put(self, name: bytes, script: str) -> None:
        octets = script.encode()
        self.say(b'PUTSCRIPT "%b" {%d+}\r\n%b' % (name, len(octets), octets))

    def close(self) -> None:
        self._lines.close()
        self._sock.close()


@contextmanager
def managed(settings: str = "") -> Iterator[tuple[int, Path]]:
    """The port of a server for ManageSieve, and the folder with the homes of its users."""
    if not _SERVER.exists():
        missing("dovecot-managesieved is not installed")
    port = free_port()
    with dovecot(free_port(), MANAGESIEVE % port + settings) as server:
        yield port, server.folder / "mail"


def refusal(port: int) -> str:
    """What is said to a message with the word in its subject; empty when it is relayed."""
    try:
        submit(port, message("the first"))
    except smtplib.SMTPDataError as error:
        assert isinstance(error.smtp_error, bytes)
        return error.smtp_error.decode()
    return ""


def test_a_script_is_in_force_once_it_is_saved() -> None:
    with (
        managed() as (port, mail),
        sink(dump=False) as relay,
        gsubmit(relay.port, f"default_internal_user = nobody\n{PLACE.format(mail=mail)}", passdb=STATIC) as server,
        closing(ManageSieve(port)) as client,
    ):
        assert not refusal(server.port)
        client.put(b"outgoing", REFUSES)
        assert refusal(server.port) == "5.7.1 by a script"
        client.put(b"other", LETS_PASS)
        client.say(b'SETACTIVE "other"')  # which is about mail that arrives
        assert refusal(server.port) == "5.7.1 by a script"
        client.put(b"outgoing", LETS_PASS)
        assert not refusal(server.port)
        client.put(b"outgoing", REFUSES)
        assert refusal(server.port) == "5.7.1 by a script"
        client.say(b'DELETESCRIPT "outgoing"')
        assert not refusal(server.port)


def test_a_server_that_is_another_user_reads_what_the_folder_lets_its_group_read() -> None:
    """Dovecot gives scripts the mode of their folder, which it makes for the owner alone if it is not there."""
    settings = "default_internal_user = daemon\n"
    with (
        managed("mail_access_groups = daemon\n") as (port, mail),
        sink(dump=False) as relay,
        gsubmit(relay.port, settings + PLACE.format(mail=mail), passdb=STATIC) as server,
    ):
        for folder, mode in ((mail / USER, 0o710), (mail / USER / "sieve", 0o2750)):
            folder.mkdir()
            shutil.chown(folder, "nobody", "daemon")
            folder.chmod(mode)
        with closing(ManageSieve(port)) as client:
            client.put(b"outgoing", REFUSES)
        assert refusal(server.port) == "5.7.1 by a script"
        (mail / USER / "sieve").chmod(0o700)
        assert not refusal(server.port)
        assert f"{mail}/{USER}/sieve/outgoing.sieve: cannot be read: Permission denied" in server.log
