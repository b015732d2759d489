"""A whole server in a process of its own, whose next hop keeps the messages for whoever started it."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from socket import create_server
from tempfile import TemporaryDirectory

from gsubmit.relay.maildir import MaildirRelay
from gsubmit.testing.place import HOST, Place

START_TIME = 60.0  # seconds, for machines that have much to do
STOP_TIME = 35.0  # seconds; a gentle stop takes at most 30
_LOOK = 0.02  # seconds between two looks whether it serves
_ATTEMPTS = 5  # with other ports, if somebody was faster
_TURN = re.compile(r"Q([0-9]+)")  # in a file name of the Maildir: the how many-th message it is

# Tests log in wrong on purpose, and often.
_IMPATIENT = """\
auth_failure_delay = 0
auth_penalty = no
mail_max_userip_connections = 0
"""


class CannotStart(Exception):
    """The server did not start; the text is what it said."""


class SubmissionServer:
    """A context manager: within it a server listens on loopback, on `port` (STARTTLS) and `tls_port` (TLS at once).

    `users` are passwords by name, and `settings` more lines of configuration, see gsubmit.conf(5). Raises CannotStart.
    It works beside any event loop and in an unpatched process: the server is another process, and the next hop threads.
    """

    host = HOST

    def __init__(self, users: Mapping[str, str] | None = None, settings: str = "") -> None:
        self.users = dict(users or {"user@example.org": "secret"})
        self.port = self.tls_port = 0
        self._settings = settings
        self._undo = ExitStack()

    @property
    def user(self) -> str:
        """The name of the first user."""
        return next(iter(self.users))

    @property
    def password(self) -> str:
        """The password of the first user."""
        return self.users[self.user]

    @property
    def certificate(self) -> Path:
        """The certificate that clients have to trust, for localhost and 127.0.0.1; PEM."""
        return self._place.certificate

    def client_context(self) -> ssl.SSLContext:
        """TLS for clients, which trusts the server and checks its name."""
        return ssl.create_default_context(cafile=str(self.certificate))

    @property
    def log(self) -> str:
        """What the server has logged."""
        return (self._place.folder / "log").read_text(encoding="utf-8", errors="replace")

    def messages(self) -> list[EmailMessage]:
        """What was submitted, in order, with LF line ends; Return-Path and Delivered-To in front are the envelope."""
        octets = [path.read_bytes().replace(b"\r\n", b"\n") for path in self._stored()]
        parsed = [message_from_bytes(message, policy=policy.default) for message in octets]
        return [message for message in parsed if isinstance(message, EmailMessage)]

    def clear(self) -> None:
        """Forget the messages."""
        for path in self._stored():
            path.unlink()

    def _stored(self) -> list[Path]:
        def turn(path: Path) -> int:
            found = _TURN.search(path.name)
            return int(found[1]) if found else 0

        return sorted((self._place.folder / "Maildir" / "new").iterdir(), key=turn)

    def __enter__(self) -> SubmissionServer:
        with ExitStack() as undo:
            folder = Path(undo.enter_context(TemporaryDirectory(prefix="gsubmit-testing-", ignore_cleanup_errors=True)))
            self._place = Place(folder)
            self._place.prepare(self.users)
            relay = undo.enter_context(closing(MaildirRelay(folder / "Maildir", "maildir.localhost")))
            for _ in range(_ATTEMPTS):
                self.port, self.tls_port = _free_ports()
                self._place.configure(self.port, self.tls_port, relay.port, _IMPATIENT + self._settings)
                process = self._start()
                undo.callback(_end, process)
                if self._is_serving(process):
                    self._undo = undo.pop_all()
                    return self
            raise CannotStart(self.log)

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "gsubmit", "serve", "-c", str(self._place.configuration)]
        with (self._place.folder / "log").open("wb") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - ours

    def _is_serving(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until it serves; false when its ports were taken. Raises CannotStart."""
        end = time.monotonic() + START_TIME
        while "serving on " not in self.log:
            if process.poll() is not None and "Address already in use" in self.log:
                return False
            if process.poll() is not None:
                raise CannotStart(self.log.strip() or f"it ended with exit code {process.returncode}")
            if time.monotonic() > end:
                raise CannotStart(f"it did not serve within {START_TIME:g} seconds. {self.log}".strip())
            time.sleep(_LOOK)
        return True


def _free_ports() -> tuple[int, int]:
    with create_server((HOST, 0)) as one, create_server((HOST, 0)) as other:
        return int(one.getsockname()[1]), int(other.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIME)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
