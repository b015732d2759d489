"""Servers behind a login proxy, and a client whose address differs from that of all servers."""

from __future__ import annotations

import smtplib

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_dovecot import Configured
from tests.harness.peer_gsubmit import Gsubmit
from tests.harness.peer_process import HOST

ADDRESS = "127.0.0.5"  # the client's
NO_RELAY = 9  # the port of the relay where nothing may be relayed


def elsewhere(port: int, more: str = "") -> str:
    """A passdb that sends everybody to a backend, of gsubmit or Dovecot."""
    return f"driver = static\n  args = nopassword=y proxy=y host={HOST} port={port} {more}".rstrip()


def refusal(server: Gsubmit | Configured) -> bytes:
    """The words for a wrong password."""
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        Client(server, tls=True, password="wrong", address=ADDRESS)
    assert refused.value.smtp_code == 535
    assert isinstance(refused.value.smtp_error, bytes)
    return refused.value.smtp_error
