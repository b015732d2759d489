"""Session tickets that several contexts open: those of the same secret at the same place, and no others."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest
import trustme

from gsubmit.tls import openssl, tickets

CA = trustme.CA()
CERTIFICATE = CA.issue_cert("localhost")


def server(secret: bytes, place: int = 0) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CERTIFICATE.configure_cert(context)
    assert tickets.use_keys(context, secret, place)
    return context


def shake(client: ssl.SSLContext, server: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLObject:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there, server_hostname="localhost", session=session)
    theirs = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    theirs.write(b"x")
    assert ours.read(1) == b"x"
    return ours


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_opens_them(version: ssl.TLSVersion) -> None:
    client = ssl.create_default_context()
    CA.configure_trust(client)
    client.maximum_version = version
    session = shake(client, server(b"secret")).session
    assert shake(client, server(b"secret"), session).session_reused
    assert not shake(client, server(b"another"), session).session_reused
    assert not shake(client, server(b"secret", 1), session).session_reused


def test_a_layout_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openssl, "connection", lambda _: None)
    assert not tickets.use_keys(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), b"secret", 0)
