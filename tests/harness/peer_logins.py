"""Clients that log in to a server, all from one address."""

from __future__ import annotations

import time
from base64 import b64encode
from smtplib import SMTP

from tests.harness.peer_gsubmit import PASSWORD, USER, Gsubmit
from tests.harness.peer_process import HOST


def connected(server: Gsubmit, host: str = HOST) -> SMTP:
    """A client that has said EHLO."""
    client = SMTP(timeout=20, source_address=(HOST, 0))
    client.connect(host, server.port)
    client.ehlo()
    return client


def log_in(client: SMTP, password: str = PASSWORD) -> bool:
    """Whether it is in."""
    words = b64encode(f"\0{USER}\0{password}".encode()).decode()
    return client.docmd("AUTH", f"PLAIN {words}")[0] == 235


def seconds_of_a_login(client: SMTP) -> float:
    """How long it takes until it is in."""
    began = time.monotonic()
    assert log_in(client)
    return time.monotonic() - began


def guess(server: Gsubmit) -> None:
    """A login that fails."""
    with connected(server) as client:
        assert not log_in(client, "guess")
