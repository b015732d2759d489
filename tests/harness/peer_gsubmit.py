"""gsubmit as users run it: a process of its own, from a configuration file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.peer_process import public_folder, running, settle
from tests.harness.ports import free_ports
from tests.harness.serving import certificate_folder

USER = "user@example.org"
PASSWORD = "secret"
_CONFIGURATION = """
mail_temp_dir = {folder}
base_dir = {folder}
hostname = msa.example.org
listen = 127.0.0.1
ssl_cert = <{certificates}/cert.pem
ssl_key = <{certificates}/key.pem
auth_failure_delay = 10ms
mail_max_userip_connections = 0
auth_penalty = no
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
passdb {
  {passdb}
}
service submission-login {
  inet_listener submission {
    port = {port}
  }
  inet_listener submissions {
    port = {tls_port}
    ssl = yes
  }
}
"""
ONE_WORKER = "service submission-login {\n  process_min_avail = 1\n}\n"  # each has connections of its own
OWN_USERS = "driver = passwd-file\n  args = {certificates}/users"


def gsubmit_program() -> str:
    """The console script beside this interpreter."""
    return str(Path(sys.executable).with_name("gsubmit"))


@dataclass(frozen=True)
class Gsubmit:
    """A server that runs."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    tls_port: int

    @property
    def log_so_far(self) -> str:
        """What is in its log, for those who wait for a line."""
        return (self.folder / "log").read_text()

    @property
    def log(self) -> str:
        """All that it had to log so far."""
        settle(self.process.pid)
        return self.log_so_far

    @property
    def ca(self) -> Path:
        """Whom clients have to trust."""
        return certificate_folder() / "ca.pem"


@contextmanager
def gsubmit(
    relay_port: int,
    settings: str = "",
    files: Mapping[str, str] | None = None,
    program: str = "",
    passdb: str = OWN_USERS,
    options: Sequence[str] = (),
) -> Iterator[Gsubmit]:
    """Serve in front of the relay on `relay_port`, with `settings` after the usual ones; `{folder}` is its folder.

    `program` is another gsubmit than the one beside this interpreter, `options` are more of serve's; `files` are put
    there before, with their contents; a name that ends in a slash is a folder.
    """
    with public_folder("server") as folder:
        for name, content in (files or {}).items():
            if name.endswith("/"):
                (folder / name).mkdir()
            else:
                (folder / name).write_text(content)
        port, tls_port = free_ports(2)
        text = _CONFIGURATION.replace("{passdb}", passdb) + settings
        for name, value in {
            "folder": folder, "certificates": certificate_folder(), "relay_port": relay_port,
            "port": port, "tls_port": tls_port,
        }.items():  # fmt: skip
            text = text.replace(f"{{{name}}}", str(value))
        path = folder / "gsubmit.conf"
        path.write_text(text)
        log = folder / "log"
        with running([program or gsubmit_program(), "serve", "-c", path, *options], log, [port, tls_port]) as process:
            yield Gsubmit(process, folder, port, tls_port)
