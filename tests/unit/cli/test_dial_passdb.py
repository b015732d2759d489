"""`gsubmit check-config --dial` and passdbs that ask other servers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gsubmit_cli.check_config import check_config

from tests.harness.commands import CliRunner, Result
from tests.harness.oauth import authorization_server, ca_file
from tests.harness.ports import free_port
from tests.harness.serving import certificate_folder
from tests.unit.cli.imapserver import imap_server

MECHANISM = "VERSION\t1\t2\nMECH\t{}\nSPID\t1\nCUID\t1\nCOOKIE\tabc\nDONE\n"


def dialled(folder: Path, driver: str, args: str, settings: str = "") -> Result:
    """Everybody is served elsewhere, so that no relay is needed."""
    passdb = f"passdb {{\n driver = {driver}\n args = {args}\n override_fields = proxy host=%d\n}}\n"
    (folder / "x.conf").write_text(f"ssl = no\n{settings}\n{passdb}")
    return CliRunner().invoke(check_config, ["-c", str(folder / "x.conf"), "--dial"])


def said(result: Result) -> list[str]:
    """The lines about the passdb."""
    lines = result.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  passdb  "))
    return [line[13:] for line in lines[start:]]


@contextmanager
def dovecot(path: Path, mechanism: str) -> Iterator[None]:
    """Its auth service, which offers one mechanism."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            with listener.accept()[0] as sock:
                sock.sendall(MECHANISM.format(mechanism).encode())
                while sock.recv(1000):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        thread.join(5)


def test_dovecot(tmp_path: Path) -> None:
    with dovecot(tmp_path / "auth", "PLAIN\tplaintext"):
        result = dialled(tmp_path, "dovecot", f"{tmp_path}/auth")
    assert (result.exit_code, said(result)) == (0, [f"dovecot {tmp_path}/auth offers PLAIN"])


def test_dovecot_without_a_mechanism_of_use(tmp_path: Path) -> None:
    with dovecot(tmp_path / "auth", "CRAM-MD5"):
        result = dialled(tmp_path, "dovecot", f"{tmp_path}/auth")
    assert result.exit_code == 1
    assert (
        "nobody can log in there without PLAIN or OAUTHBEARER or XOAUTH2, see Dovecot's auth_mechanisms"
        in result.stderr
    )


def test_dovecot_that_is_not_there(tmp_path: Path) -> None:
    result = dialled(tmp_path, "dovecot", f"{tmp_path}/auth")
    assert result.exit_code == 1
    assert result.stderr == (
        f"dovecot {tmp_path}/auth: cannot connect to {tmp_path}/auth: No such file or directory; "
        "a running Dovecot makes this socket by a unix_listener in its service auth\n"
    )


CA = f"ssl_ca_file={certificate_folder()}/ca.pem"


@pytest.mark.parametrize("tls", ["", "starttls", "imaps"])
def test_imap(tmp_path: Path, tls: str) -> None:
    with imap_server(implicit=tls == "imaps") as server:
        result = dialled(tmp_path, "imap", f"host=127.0.0.1 port={server.port} {f'ssl={tls} {CA}' if tls else ''}")
    assert result.exit_code == 0, result.output
    assert said(result)[0] == f"imap 127.0.0.1:{server.port} answers"
    assert len(said(result)) == (4 if tls else 1)
    assert not any("LOGIN" in line for line in server.heard)


@pytest.mark.parametrize(
    ("options", "implicit", "words"),
    [
        (
            "ssl=imaps",
            True,
            "cannot be used: certificate verify failed: unable to get local issuer certificate; the CA of",
        ),
        (
            "ssl=imaps",
            False,
            "cannot be used: wrong version number; it does not begin with TLS: is ssl=starttls meant, or",
        ),
    ],
)
def test_imap_and_tls(tmp_path: Path, options: str, implicit: bool, words: str) -> None:
    with imap_server(implicit=implicit) as server:
        result = dialled(tmp_path, "imap", f"host=127.0.0.1 port={server.port} {options}")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"imap 127.0.0.1:{server.port} {words}")


def test_imap_that_is_not_there(tmp_path: Path) -> None:
    port = free_port()
    result = dialled(tmp_path, "imap", f"host=127.0.0.1 port={port}")
    assert (result.exit_code, result.stderr) == (
        1,
        f"imap 127.0.0.1:{port} cannot be used: Connection refused\n",
    )


def test_imap_by_the_name_of_the_user(tmp_path: Path) -> None:
    result = dialled(tmp_path, "imap", "host=imap.%d ssl=imaps")
    assert (result.exit_code, said(result)) == (0, ["not tried: imap.%d:993 is another server for each user"])


def test_oauth2(tmp_path: Path) -> None:
    settings = tmp_path / "oauth2.conf"
    with authorization_server(tls=True) as server:
        text = f"introspection_mode = post\nintrospection_url = {server.url('/ask')}\n"
        settings.write_text(f"{text}tls_ca_cert_file = {ca_file(tmp_path)}\n")
        good = dialled(tmp_path, "oauth2", str(settings), "auth_mechanisms = xoauth2")
        settings.write_text(text)
        bad = dialled(tmp_path, "oauth2", str(settings), "auth_mechanisms = xoauth2")
    assert (good.exit_code, said(good)) == (0, [f"introspection_url {server.url('/ask')} answers, TLSv1.3"])
    assert bad.exit_code == 1
    assert "introspection_url: " in bad.stderr and "certificate not accepted: unable to get local issuer" in bad.stderr
