"""An OpenSMTPD of the tests' own. It has neither CHUNKING nor PIPELINING nor SMTPUTF8.

And no TLS, so no AUTH: the one of Debian 12 cannot sign with OpenSSL 3 (OpenSMTPD's issues 1171 and 1239).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.peer_process import public_folder
from tests.harness.peer_root import new_root, rooted, stored_messages
from tests.harness.ports import free_ports

_DAEMON, _QUEUE, _OWNER = 5001, 5002, 5003
_CONFIGURATION = """
table users {{ "@example.org" = "owner" }}
smtp max-message-size "50M"
listen on 127.0.0.1 port {port} hostname relay.example.org
action "box" maildir "/var/mail/box" virtual <users>
match from any for domain "example.org" action "box"
"""


@dataclass(frozen=True)
class OpenSmtpd:
    """A relay for example.org."""

    folder: Path
    port: int

    @property
    def log(self) -> str:
        """What it logged so far."""
        return (self.folder / "log").read_text()

    @property
    def messages(self) -> list[bytes]:
        """What was delivered so far."""
        return stored_messages(self.folder / "root" / "var" / "mail" / "box")


@contextmanager
def opensmtpd() -> Iterator[OpenSmtpd]:
    """Run an OpenSMTPD."""
    with public_folder("opensmtpd") as folder:
        root = new_root(folder, {"opensmtpd": _DAEMON, "opensmtpq": _QUEUE, "owner": _OWNER})
        (root / "var/lib/opensmtpd/empty").mkdir(parents=True)
        (root / "var/spool/smtpd").mkdir(mode=0o711)
        (root / "var/mail").chmod(0o777)
        (port,) = free_ports(1)
        (root / "etc/smtpd.conf").write_text(_CONFIGURATION.format(port=port))
        with rooted("opensmtpd", root, ["/usr/sbin/smtpd", "-d"], [port]):
            yield OpenSmtpd(folder, port)
