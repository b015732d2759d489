"""`gsubmit serve --demo`: a whole server with nothing to prepare, and nothing left on the network but loopback."""

from __future__ import annotations

import datetime
import ipaddress
import secrets
import shutil
import tempfile
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gsubmit.app.server import Server
from gsubmit.auth.drivers import KNOWN
from gsubmit.relay.maildir import MaildirRelay
from gsubmit.settings.load import load
from gsubmit_cli.demo_once import FirstMessage

USER = "demo"
SUBMISSION_PORT = 1587
SUBMISSIONS_PORT = 1465
_LIFETIME = datetime.timedelta(days=30)

_CONFIGURATION = """\
hostname = localhost
listen = 127.0.0.1
login_greeting = gsubmit demo ready.
mail_temp_dir = {folder}
ssl_cert = <cert.pem
ssl_key = <key.pem
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = {submissions}
    ssl = yes
  }}
}}
"""

_HELP = """\
Submission server on localhost port {submission} (STARTTLS) and {submissions} (TLS from the start).
User {user}, password {password}. Messages go to the Maildir {maildir}.

Try it:
  gsubmit send-test --server localhost:{submission} --ca {cert} --user {user} \\
      --password-file {password_file} --from demo@localhost --to you@example.org

Ctrl-C ends the demo and removes {folder}.
"""


class Demo:
    """A temporary folder with everything the server needs, removed at the end."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="gsubmit-demo-"))

    def run(self, message: FirstMessage | None = None) -> None:
        """Serve until SIGTERM or Ctrl-C; `message` is submitted at the start."""
        try:
            self._serve(message)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self, message: FirstMessage | None) -> None:
        folder = self._folder
        password = secrets.token_urlsafe(9)
        _private(folder / "password", password + "\n")
        _private(folder / "users", f"{USER}:{{PLAIN}}{password}\n")
        make_certificate(folder / "cert.pem", folder / "key.pem")
        relay = MaildirRelay(folder / "Maildir", "maildir.localhost")
        try:
            self._configure(relay.port)
            server = Server(load(folder / "gsubmit.conf", KNOWN).settings)
            click.echo(
                _HELP.format(
                    submission=SUBMISSION_PORT,
                    submissions=SUBMISSIONS_PORT,
                    user=USER,
                    password=password,
                    maildir=folder / "Maildir",
                    cert=folder / "cert.pem",
                    password_file=folder / "password",
                    folder=folder,
                )
            )
            if message is not None:
                message.start(f"localhost:{SUBMISSION_PORT}", USER, folder)
            server.run()
        finally:
            relay.close()

    def _configure(self, relay_port: int) -> None:
        text = _CONFIGURATION.format(
            folder=self._folder, relay_port=relay_port, submission=SUBMISSION_PORT, submissions=SUBMISSIONS_PORT
        )
        (self._folder / "gsubmit.conf").write_text(text)


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def make_certificate(cert: Path, key: Path) -> None:
    """A self-signed certificate for localhost, and its key."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private_key, hashes.SHA256())
    )
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _private(
        key,
        private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )
