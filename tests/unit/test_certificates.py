"""Certificates that were read as text, and TLS versions by name."""

from __future__ import annotations

import os
import ssl

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gsubmit.certificates import VERSIONS, CertificateError, load
from gsubmit.settings.tls import TLS_VERSIONS


def test_versions() -> None:
    """Every word of ssl_min_protocol."""
    assert set(VERSIONS) == set(TLS_VERSIONS)


@pytest.fixture(scope="module")
def pems() -> tuple[str, str]:
    issued = trustme.CA().issue_cert("x.example")
    return issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()


def locked(key: str) -> str:
    private = load_pem_private_key(key.encode(), None)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")).decode()


@pytest.mark.parametrize("side", [ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT])
def test_load(pems: tuple[str, str], side: int) -> None:
    load(ssl.SSLContext(side), *pems, "", "ssl_cert")
    load(ssl.SSLContext(side), pems[0], locked(pems[1]), "hunter2", "ssl_cert")


def test_nothing_stays_open(pems: tuple[str, str]) -> None:
    before = os.listdir("/proc/self/fd")
    load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *pems, "", "ssl_cert")
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.parametrize("password", ["", "wrong"])
def test_wrong_password(pems: tuple[str, str], password: str) -> None:
    """It never asks on the terminal, and never shows the key."""
    with pytest.raises(CertificateError, match=r"^local_name x: cannot use the certificate and key: ") as caught:
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pems[0], locked(pems[1]), password, "local_name x")
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize("cert", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_no_certificate(pems: tuple[str, str], cert: str) -> None:
    with pytest.raises(CertificateError, match=r"^ssl_cert: "):
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert, pems[1], "", "ssl_cert")


def test_key_of_another(pems: tuple[str, str]) -> None:
    other = trustme.CA().issue_cert("y.example").private_key_pem.bytes().decode()
    with pytest.raises(CertificateError, match=r"^ssl_cert: "):
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pems[0], other, "", "ssl_cert")
