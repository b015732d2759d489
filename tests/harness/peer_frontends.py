"""Front ends that stand between clients and gsubmit: haproxy, and Dovecot's login proxy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.peer_process import missing, need_root, program, public_folder, running
from tests.harness.peer_root import UNPACKED
from tests.harness.ports import free_ports
from tests.harness.serving import certificate_folder

# One way in for each way to tell a server behind it who the client is.
_HAPROXY = """\
global
  stats socket {folder}/admin mode 600
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
{listeners}
"""
_WAYS = {
    "v1": ("", "send-proxy"),
    "v2": ("", "send-proxy-v2"),
    "tls": ("ssl crt {pem}", "send-proxy-v2-ssl-cn"),
    "certificate": ("ssl crt {pem} ca-file {ca} verify optional", "send-proxy-v2-ssl-cn"),
    "passed on": ("", "send-proxy-v2"),
}

_DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = submission
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
hostname = front.example.org
submission_relay_host = 127.0.0.1
passdb {{
  driver = static
  args = proxy=y nopassword=y host=127.0.0.1 port={backend} forward_site=north starttls=any-cert
}}
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


@dataclass(frozen=True)
class FrontEnd:
    """Where it listens, by way in."""

    folder: Path
    ports: dict[str, int]


@contextmanager
def haproxy(port: int, tls_port: int, ca: Path | None = None) -> Iterator[FrontEnd]:
    """haproxy in front of these two ports of a gsubmit with `haproxy = yes`, whose health it checks.

    Clients may have certificates of `ca`.
    """
    unpacked = UNPACKED / "haproxy" / "usr" / "sbin" / "haproxy"
    path = str(unpacked) if unpacked.exists() else program("haproxy")
    certificates = certificate_folder()
    with public_folder("haproxy") as folder:
        pem = folder / "both.pem"
        pem.write_text((certificates / "cert.pem").read_text() + (certificates / "key.pem").read_text())
        ports = dict(zip(_WAYS, free_ports(len(_WAYS)), strict=True))
        listeners = ""
        for name, (bind, server) in _WAYS.items():
            there = tls_port if name == "passed on" else port
            options = bind.format(pem=pem, ca=ca or certificates / "ca.pem")
            listeners += f"listen {name.replace(' ', '-')}\n  bind 127.0.0.1:{ports[name]} {options}\n"
            listeners += f"  server one 127.0.0.1:{there} {server} check inter 300ms check-send-proxy\n"
        configuration = folder / "haproxy.cfg"
        configuration.write_text(_HAPROXY.format(folder=folder, listeners=listeners))
        with running([path, "-db", "-f", configuration], folder / "log", list(ports.values())):
            yield FrontEnd(folder, ports)


@contextmanager
def dovecot_proxy(backend: int) -> Iterator[FrontEnd]:
    """Dovecot's login service, which lets the submission server on this port judge each login."""
    need_root()
    path = program("dovecot")
    if not Path("/usr/lib/dovecot/submission-login").exists():
        missing("dovecot-submissiond is not installed")
    with public_folder("proxy") as folder:
        for name in ("run", "state"):
            (folder / name).mkdir()
        (port,) = free_ports(1)
        configuration = folder / "dovecot.conf"
        configuration.write_text(_DOVECOT.format(folder=folder, backend=backend, port=port))
        with running([path, "-F", "-c", configuration], folder / "log", [port]):
            yield FrontEnd(folder, {"clear": port})
