"""A certificate is renewed as the guide says, while the server runs as a user that cannot read root's keys."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
from pathlib import Path

import trustme

from tests.architecture.sources import ROOT
from tests.config.test_guides import blocks
from tests.harness.peer_gsubmit import Gsubmit, gsubmit, gsubmit_program
from tests.harness.peer_process import HOST, eventually, need_root, public_folder

GUIDE = ROOT / "docs" / "guides" / "certificates.md"


def _issued(ca: trustme.CA, folder: Path) -> None:
    """What Let's Encrypt's client leaves: a key for root alone."""
    issued = ca.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "fullchain.pem")
    issued.private_key_pem.write_to_path(folder / "privkey.pem")
    (folder / "privkey.pem").chmod(0o600)


def _served(server: Gsubmit) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((HOST, server.tls_port), 5) as sock, context.wrap_socket(sock) as tls:
        return tls.getpeercert(binary_form=True) or b""


def _hook(root: Path, user: str) -> str:
    """The script that `gsubmit init` leaves, for a server whose user that is."""
    made = subprocess.run([gsubmit_program(), "init", "--root", root], capture_output=True, text=True, check=True)
    assert "certificate-hook" in made.stdout
    return (root / "etc" / "gsubmit" / "certificate-hook").read_text().replace("id -g gsubmit", f"id -g {user}")


def test_a_renewed_certificate_is_served() -> None:
    need_root()
    (settings,) = blocks(GUIDE, "gsubmit")
    with public_folder("renewal") as folder:
        ca, live = trustme.CA(), folder / "live"
        live.mkdir(mode=0o700)
        hook = _hook(folder / "root", "nobody")

        def renew() -> None:
            _issued(ca, live)
            environment = {"RENEWED_LINEAGE": str(live), "PATH": os.environ["PATH"]}
            subprocess.run(["/bin/sh", "-c", hook], env=environment, check=True)

        renew()
        place = folder / "root" / "etc" / "gsubmit" / "tls"
        settings = settings.replace("/etc/gsubmit/tls", str(place)).replace("= gsubmit", "= nobody")
        for parent in (folder / "root", folder / "root" / "etc", folder / "root" / "etc" / "gsubmit"):
            parent.chmod(0o755)
        with gsubmit(25, settings, passdb="driver = static\n  args = password=x") as server:
            before = _served(server)
            renew()
            assert _served(server) == before
            os.kill(server.process.pid, signal.SIGHUP)  # what `systemctl reload` does
            eventually("the new certificate", lambda: _served(server) != before)
            assert "settings reloaded" in server.log
            old = _served(server)
            (place / "privkey.pem").write_text("nonsense")
            os.kill(server.process.pid, signal.SIGHUP)
            eventually("an error", lambda: "Error: reload: " in server.log_so_far)
            assert _served(server) == old


def test_keys_of_root_are_read_again() -> None:
    """The master stays root; workers have what it has read."""
    need_root()
    with public_folder("renewal") as folder:
        ca = trustme.CA()
        _issued(ca, folder)
        settings = (
            f"ssl_cert = <{folder}/fullchain.pem\nssl_key = <{folder}/privkey.pem\ndefault_internal_user = nobody\n"
        )
        with gsubmit(25, settings, passdb="driver = static\n  args = password=x") as server:
            before = _served(server)
            _issued(ca, folder)
            os.kill(server.process.pid, signal.SIGHUP)
            eventually("the new certificate", lambda: _served(server) != before)
            assert "Error: reload: " not in server.log
