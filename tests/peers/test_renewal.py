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
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_process import HOST, eventually, need_root

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


def test_a_renewed_certificate_is_served(tmp_path: Path) -> None:
    need_root()
    ca, live, place = trustme.CA(), tmp_path / "live", tmp_path / "tls"
    live.mkdir(mode=0o700)
    place.mkdir(mode=0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    (hook,) = blocks(GUIDE, "hook")
    hook = hook.replace("/etc/gsubmit/tls", str(place)).replace("-g gsubmit", "-g nogroup")
    *install, reload = hook.rstrip().splitlines(keepends=True)
    assert reload == "systemctl kill --signal=HUP gsubmit"

    def renew() -> None:
        _issued(ca, live)
        environment = {"RENEWED_LINEAGE": str(live), "PATH": os.environ["PATH"]}
        subprocess.run(["/bin/sh", "-c", "".join(install)], env=environment, check=True)

    renew()
    (settings,) = blocks(GUIDE, "gsubmit")
    settings = settings.replace("/etc/gsubmit/tls", str(place)).replace("= gsubmit", "= nobody")
    with gsubmit(25, settings, passdb="driver = static\n  args = password=x") as server:
        before = _served(server)
        renew()
        assert _served(server) == before
        os.kill(server.process.pid, signal.SIGHUP)
        eventually("the new certificate", lambda: _served(server) != before)
        assert "settings reloaded" in server.log
        (place / "key.pem").chmod(0o600)  # as without the hook
        os.kill(server.process.pid, signal.SIGHUP)
        eventually("an error", lambda: "Error: reload: " in server.log)
        assert _served(server)
