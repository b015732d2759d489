"""The configuration of a working Dovecot runs gsubmit unchanged."""

from __future__ import annotations

import json
import shutil
import smtplib
import ssl
from pathlib import Path

from tests.harness.peer_clients import run
from tests.harness.peer_dovecot import configured
from tests.harness.peer_gsubmit import PASSWORD, USER, gsubmit_program
from tests.harness.peer_message import small_message
from tests.harness.peer_process import HOST, missing, public_folder, running
from tests.harness.peer_sink import sink
from tests.harness.serving import certificate_folder

DEBIAN = Path("/etc/dovecot")


def test_a_dovecot_configuration_serves() -> None:
    message = small_message("dovecot")
    trusted = ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))
    with sink() as relay, public_folder("dovecot") as folder:
        server = configured(folder, relay.port)
        ports = server.port, server.tls_port
        with running([gsubmit_program(), "serve", "-c", server.path], folder / "log", ports):
            with smtplib.SMTP(HOST, server.port) as client:
                client.starttls(context=trusted)
                client.login(USER.upper(), PASSWORD)
                assert client.sendmail("a@example.org", "b@example.org", message) == {}
            with smtplib.SMTP_SSL(HOST, server.tls_port, context=trusted) as client:
                client.login(USER, PASSWORD)
                assert client.sendmail("a@example.org", "b@example.org", message) == {}
        assert len(relay.messages) == 2
        assert "submission-login: Info: Login: user=<user@example.org>" in (folder / "dovecot.log").read_text()


def test_what_gsubmit_has_no_use_for_is_reported_and_no_error() -> None:
    with public_folder("dovecot") as folder:
        server = configured(folder, 25)
        ran = run([gsubmit_program(), "check-config", "-v", "-c", str(server.path)])
        assert ran.code == 0, ran.output
        for name in ("mail_location", "namespace", "plugin", "userdb"):
            assert name in ran.output


def test_the_configuration_that_debian_ships_lacks_what_it_says() -> None:
    """Its users are PAM's, and it names no relay; nothing else is wrong."""
    if not (DEBIAN / "dovecot.conf").exists():
        missing("dovecot-core is not installed")
    with public_folder("debian") as folder:
        copied = folder / "dovecot"
        shutil.copytree(DEBIAN, copied, symlinks=True)
        _give_a_certificate(copied / "conf.d" / "10-ssl.conf")
        arguments = [gsubmit_program(), "check-config", "--json", "-c", str(copied / "dovecot.conf")]
        errors = json.loads(run(arguments).output)["errors"]
        assert ["driver = dovecot" in error["text"] for error in errors] == [True, False]
        assert [error["text"].partition(":")[0] for error in errors] == ["nobody can log in", "no relay"]


def _give_a_certificate(path: Path) -> None:
    """Debian names one that the package ssl-cert makes, which not every machine has."""
    text, ours = path.read_text(), certificate_folder()
    for theirs, name in (("dovecot.pem", "cert.pem"), ("dovecot.key", "key.pem")):
        assert f"{DEBIAN}/private/{theirs}" in text
        text = text.replace(f"{DEBIAN}/private/{theirs}", f"{ours}/{name}")
    path.write_text(text)
