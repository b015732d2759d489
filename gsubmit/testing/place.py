"""The folder of a server that needs nothing prepared: certificate, users, configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from socket import create_server

from gsubmit.tls.selfsigned import self_signed

HOST = "127.0.0.1"
NAME = "localhost"
_DAYS = 30  # that the certificate is valid

_CONFIGURATION = """\
hostname = {name}
listen = {host}
base_dir = {folder}
mail_temp_dir = {folder}
ssl_cert = <cert.pem
ssl_key = <key.pem
submission_relay_host = {host}
submission_relay_port = {relay_port}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
  inet_listener submissions {{
    port = {tls_port}
    ssl = yes
  }}
}}
"""


def free_port(port: int) -> int:
    """The port if nobody listens on it; 0 stands for any. Raises OSError."""
    with create_server((HOST, port)) as listener:
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Place:
    """What is in such a folder; the certificate is its own authority."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """What clients have to trust, PEM."""
        return self.folder / "cert.pem"

    @property
    def configuration(self) -> Path:
        """The file for `gsubmit serve -c`."""
        return self.folder / "gsubmit.conf"

    def prepare(self, users: Mapping[str, str]) -> None:
        """Make certificate and users, passwords by name."""
        certificate, key = self_signed(NAME, HOST, _DAYS)
        self.certificate.write_text(certificate)
        self.keep("key.pem", key)
        self.keep("users", "".join(f"{name}:{{PLAIN}}{password}\n" for name, password in users.items()))

    def configure(self, port: int, tls_port: int, relay_port: int, more: str = "") -> None:
        """Make the configuration: ports for STARTTLS and for TLS from the start, the next hop's, and more settings."""
        facts = {"port": port, "tls_port": tls_port, "relay_port": relay_port}
        text = _CONFIGURATION.format(name=NAME, host=HOST, folder=self.folder, **facts)
        self.configuration.write_text(text + more)

    def keep(self, name: str, text: str) -> None:
        """Write a file that nobody else may read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
