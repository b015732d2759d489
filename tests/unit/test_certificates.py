"""Certificates that were read as text, and TLS versions by name."""

from __future__ import annotations

import os
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gsubmit.settings.tls import OLD_TLS_VERSIONS, TLS_VERSIONS
from gsubmit.tls.certificates import (
    OLD_VERSIONS,
    SERVER,
    VERSIONS,
    CertificateError,
    client_context,
    load,
    plain_words,
    server_name,
)


def test_versions() -> None:
    """Every word of ssl_min_protocol."""
    assert set(VERSIONS) == set(TLS_VERSIONS)
    assert OLD_VERSIONS == OLD_TLS_VERSIONS


@pytest.fixture(scope="module")
def pems() -> tuple[str, str]:
    issued = trustme.CA().issue_cert("x.example")
    return issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()


def locked(key: str) -> str:
    private = load_pem_private_key(key.encode(), None)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")).decode()


@pytest.mark.parametrize("side", [ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT])
def test_load(pems: tuple[str, str], side: int) -> None:
    load(ssl.SSLContext(side), *pems, "", SERVER)
    load(ssl.SSLContext(side), pems[0], locked(pems[1]), "hunter2", SERVER)


def test_nothing_stays_open(pems: tuple[str, str]) -> None:
    before = os.listdir("/proc/self/fd")
    load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *pems, "", SERVER)
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.parametrize(
    ("password", "said"),
    [("", "has a password: set ssl_key_password"), ("wrong", "ssl_key_password is not the password")],
)
def test_wrong_password(pems: tuple[str, str], password: str, said: str) -> None:
    """It never asks on the terminal, and never shows the key."""
    with pytest.raises(CertificateError, match=f"^ssl_key: .*{said}") as caught:
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pems[0], locked(pems[1]), password, SERVER)
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize("cert", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_no_certificate(pems: tuple[str, str], cert: str) -> None:
    with pytest.raises(CertificateError, match=r"^ssl_cert: "):
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert, pems[1], "", SERVER)


def test_key_of_another(pems: tuple[str, str]) -> None:
    other = trustme.CA().issue_cert("y.example").private_key_pem.bytes().decode()
    with pytest.raises(CertificateError, match=r"^ssl_key: .* is not the key of the certificate in "):
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pems[0], other, "", SERVER)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("mx.example", "mx.example"),
        ("mx.example.", "mx.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]", "fe80::1"),
        ("", ""),
    ],
)
def test_server_name(host: str, name: str) -> None:
    assert server_name(host) == name


@pytest.mark.parametrize("what", ["missing", "file"])
def test_folder_of_authorities_that_is_none(tmp_path: Path, what: str) -> None:
    """OpenSSL itself says nothing, and finds nothing later."""
    if what == "file":
        (tmp_path / what).write_text("x")
    with pytest.raises(CertificateError, match=rf"^cannot use the CA certificates in {tmp_path}/{what}: "):
        client_context("", f"{tmp_path}/{what}")


def test_folder_of_authorities_is_read_anew_by_a_new_context(tmp_path: Path) -> None:
    """What a reload does: OpenSSL keeps what one context has found there."""
    ca = trustme.CA()
    issued = ca.issue_cert("x.example")
    (tmp_path / "ca.pem").write_bytes(ca.cert_pem.bytes())
    digest = subprocess.run(
        ["openssl", "x509", "-noout", "-hash", "-in", tmp_path / "ca.pem"], check=True, capture_output=True, text=True
    ).stdout.strip()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(server)
    assert not believes(client_context("", str(tmp_path)), server)
    (tmp_path / f"{digest}.0").symlink_to("ca.pem")
    context = client_context("", str(tmp_path))
    assert believes(context, server)
    (tmp_path / f"{digest}.0").unlink()
    assert believes(context, server)
    assert not believes(client_context("", str(tmp_path)), server)


def believes(client: ssl.SSLContext, server: ssl.SSLContext) -> bool:
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(ours, theirs, server_hostname="x.example")
    other = server.wrap_bio(theirs, ours, server_side=True)
    for end in (one, other, one, other):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError:
            return False
    return True


def test_words_for_errors_that_openssl_has_not_made() -> None:
    """TlsSocket raises some itself, without a reason."""
    assert plain_words(ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "EOF occurred")) == "EOF occurred"
    assert plain_words(ConnectionResetError(104, "Connection reset by peer")) == "Connection reset by peer"
    assert plain_words(ValueError("no name")) == "no name"
