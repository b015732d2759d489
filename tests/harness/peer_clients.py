"""Clients that people use: swaks, msmtp, curl. Each gives its exit code and everything that it printed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.harness.peer_gsubmit import PASSWORD, USER, Gsubmit
from tests.harness.peer_message import RECIPIENT, SENDER, dotted
from tests.harness.peer_process import HOST, program

TIME = 120.0  # seconds for one client


class Ran(NamedTuple):
    """A client that has ended."""

    code: int
    output: str


def run(arguments: Sequence[str | Path], environ: Mapping[str, str] | None = None, content: bytes = b"") -> Ran:
    """Run a client to its end, with `content` as its standard input."""
    done = subprocess.run(
        arguments,
        input=content,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIME,
        check=False,
        env={**os.environ, **(environ or {})},
    )
    return Ran(done.returncode, done.stdout.decode("utf-8", "replace"))


def swaks(server: Gsubmit, message: bytes, *options: str, implicit_tls: bool = False, password: str = PASSWORD) -> Ran:
    """Submit with swaks: through STARTTLS, or TLS from the first octet."""
    path = server.folder / "swaks-message"
    path.write_bytes(dotted(message) + b".")  # swaks adds the last CRLF
    tls, port = ("--tls-on-connect", server.tls_port) if implicit_tls else ("--tls", server.port)
    return run(
        [
            *(program("swaks"), "--server", HOST, "--port", str(port), tls, "--tls-verify"),
            *("--tls-ca-path", str(server.ca), "--ehlo", "client.example.org", "--suppress-data"),
            *("--auth-user", USER, "--auth-password", password, "--from", SENDER, "--to", RECIPIENT),
            *("--no-data-fixup", "--data", f"@{path}", *(options or ("--auth", "PLAIN"))),
        ]
    )


def msmtp(server: Gsubmit, message: bytes, *options: str, implicit_tls: bool = False, password: str = PASSWORD) -> Ran:
    """Submit with msmtp."""
    starttls, port = ("off", server.tls_port) if implicit_tls else ("on", server.port)
    return run(
        [
            *(program("msmtp"), "--host", HOST, "--port", str(port), "--tls=on", f"--tls-starttls={starttls}"),
            *(f"--tls-trust-file={server.ca}", "--domain=client.example.org", "--user", USER),
            *("--passwordeval", f"echo {password}", "--from", SENDER, *(options or ("--auth=plain",)), RECIPIENT),
        ],
        content=message,
    )


def curl(server: Gsubmit, message: bytes, *options: str, implicit_tls: bool = False, password: str = PASSWORD) -> Ran:
    """Submit with curl."""
    path = server.folder / "curl-message"
    path.write_bytes(message)
    scheme, port = ("smtps", server.tls_port) if implicit_tls else ("smtp", server.port)
    return run(
        [
            *(program("curl"), "--silent", "--show-error", "--verbose", f"{scheme}://{HOST}:{port}/client.example.org"),
            *("--ssl-reqd", "--cacert", str(server.ca), "--user", f"{USER}:{password}"),
            *("--mail-from", SENDER, "--mail-rcpt", RECIPIENT, "--upload-file", str(path), *options),
        ]
    )
