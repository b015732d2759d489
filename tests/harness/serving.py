"""A gsubmit server inside the test process, on free loopback ports."""

from __future__ import annotations

import atexit
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp

import trustme

from gsubmit.app.server import Server
from gsubmit.logs import output, rawlog
from gsubmit.settings.load import load_text
from gsubmit.settings.sections import LoggingSettings
from tests.harness import loglines
from tests.harness.ports import free_ports

USERS = "user:{PLAIN}secret\nuser@example.org:{PLAIN}secret\n"


@cache
def certificate_folder() -> Path:
    """cert.pem and key.pem for localhost, and ca.pem that signed them; made once in a test run."""
    folder = Path(mkdtemp(prefix="gsubmit-tests-"))
    atexit.register(shutil.rmtree, folder, True)
    ca = trustme.CA()
    issued = ca.issue_cert("localhost", "127.0.0.1", "msa.example.org")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "users").write_text(USERS)
    return folder


@dataclass
class Serving:
    server: Server
    port: int
    tls_port: int
    log: StringIO

    @property
    def log_text(self) -> str:
        return self.log.getvalue()


def configuration(settings: str = "", relay_port: int = 0) -> tuple[str, int, int]:
    """A whole configuration with `settings` added, and its two ports (submission, submissions; {own-port} is the first)."""
    port, tls_port = free_ports(2)
    folder = certificate_folder()
    relay = f"submission_relay_host = 127.0.0.1\nsubmission_relay_port = {relay_port}" if relay_port else ""
    text = f"""
hostname = msa.example.org
listen = 127.0.0.1
base_dir =
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
auth_failure_delay = 10ms
auth_penalty = no
mail_max_userip_connections = 0
{relay}
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
{settings}
"""
    return text.replace("{own-port}", str(port)), port, tls_port


@contextmanager
def serving(settings: str = "", relay_port: int = 0) -> Iterator[Serving]:
    """Run a server with `settings` (lines of the configuration language) in front of the relay on `relay_port`."""
    text, port, tls_port = configuration(settings, relay_port)
    log = StringIO()
    server = Server(load_text(text).settings)
    output.configure(LoggingSettings(), log)
    server.start()
    try:
        yield Serving(server, port, tls_port, log)
    finally:
        server.stop(seconds=2)
        rawlog.flush()
        logging.getLogger("gsubmit").handlers.clear()
    loglines.check(log.getvalue())
