"""SASL clients of other hands: msmtp, curl and swaks with any mechanism, and GNU SASL's own program."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from tests.harness.peer_clients import Ran, run
from tests.harness.peer_gsubmit import Gsubmit
from tests.harness.peer_message import RECIPIENT, SENDER
from tests.harness.peer_process import HOST, program

MESSAGE = b"Subject: a login\r\n\r\nAs short as can be.\r\n"


def msmtp(server: Gsubmit, mechanism: str, user: str, secret: str, certificate: Path | None = None) -> Ran:
    """Log in and submit with msmtp, through STARTTLS."""
    shown = [f"--tls-cert-file={certificate}", f"--tls-key-file={certificate}"] if certificate else []
    return run(
        [
            *(program("msmtp"), "--host", HOST, "--port", str(server.port), "--tls=on", "--tls-starttls=on"),
            *(f"--tls-trust-file={server.ca}", "--domain=client.example.org", f"--auth={mechanism}", "--user", user),
            *("--passwordeval", f"printf '%s\\n' {shlex.quote(secret)}", "--from", SENDER, *shown, RECIPIENT),
        ],
        content=MESSAGE,
    )


def curl(
    server: Gsubmit, mechanism: str, user: str, secret: str, options: Sequence[str] = (), *, implicit_tls: bool = False
) -> Ran:
    """Log in and submit with curl. `secret` is a token where the mechanism wants one."""
    scheme, port = ("smtps", server.tls_port) if implicit_tls else ("smtp", server.port)
    is_token = mechanism in ("XOAUTH2", "OAUTHBEARER")
    proof = ["--user", f"{user}:", "--oauth2-bearer", secret] if is_token else ["--user", f"{user}:{secret}"]
    path = server.folder / "curl-message"
    path.write_bytes(MESSAGE)
    return run(
        [
            *(program("curl"), "--silent", "--show-error", "--verbose", f"{scheme}://{HOST}:{port}/client.example.org"),
            *("--ssl-reqd", "--cacert", str(server.ca), *proof, "--login-options", f"AUTH={mechanism}", *options),
            *("--mail-from", SENDER, "--mail-rcpt", RECIPIENT, "--upload-file", str(path)),
        ]
    )


def swaks(server: Gsubmit, mechanism: str, user: str, secret: str) -> Ran:
    """Log in and submit with swaks, through STARTTLS."""
    return run(
        [
            *(
                program("swaks"),
                "--server",
                HOST,
                "--port",
                str(server.port),
                "--tls",
                "--tls-verify",
                "--suppress-data",
            ),
            *("--tls-ca-path", str(server.ca), "--ehlo", "client.example.org", "--auth", mechanism),
            *("--auth-user", user, "--auth-password", secret, "--from", SENDER, "--to", RECIPIENT),
        ]
    )


def gsasl(server: Gsubmit, mechanism: str, user: str, secret: str, options: Sequence[str] = ()) -> Ran:
    """Log in with gsasl, through STARTTLS. It binds by tls-exporter, or by tls-unique up to TLS 1.2."""
    return run(
        [
            *(program("gsasl"), "--smtp", f"--connect={HOST}:{server.port}", f"--mechanism={mechanism}", "--starttls"),
            *(f"--x509-ca-file={server.ca}", f"--authentication-id={user}", f"--password={secret}", *options),
        ]
    )
