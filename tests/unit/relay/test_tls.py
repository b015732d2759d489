"""TLS as a client: whom to believe, and how to show who we are (CRT of docs/rules.md)."""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

import gevent
import pytest
import trustme

from gsubmit.settings.load import load_text
from gsubmit.settings.tls import SslSettings
from gsubmit.tls.certificates import CertificateError
from gsubmit.tls.client import client_context


def settings(text: str = "") -> SslSettings:
    return load_text(f"ssl = no\n{text}").settings.ssl


def test_verifying() -> None:
    """A certificate for the right name, from the system's authorities."""
    context = client_context(settings(), verify=True)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_not_verifying() -> None:
    context = client_context(settings(), verify=False)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize(
    ("word", "version"),
    [("TLSv1.3", ssl.TLSVersion.TLSv1_3), ("ANY", ssl.TLSVersion.MINIMUM_SUPPORTED)],
)
def test_min_protocol(word: str, version: ssl.TLSVersion) -> None:
    assert client_context(settings(f"ssl_min_protocol = {word}\n"), verify=True).minimum_version == version


def test_own_authority_is_the_only_one(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    context = client_context(settings(f"ssl_client_ca_file = {tmp_path}/ca.pem\n"), verify=True)
    assert context.cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize("text", [None, "", "no certificate"], ids=["missing", "empty", "nonsense"])
def test_unusable_authorities(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CertificateError, match=rf"^cannot use the CA certificates in {re.escape(str(path))}: "):
        client_context(settings(f"ssl_client_ca_file = {path}\n"), verify=True)


def issued(folder: Path) -> str:
    """Settings with a client certificate."""
    certificate = trustme.CA().issue_cert("msa.example.org")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    trustme.CA().issue_cert("other").private_key_pem.write_to_path(folder / "other.pem")
    return f"ssl_client_cert = <{folder}/cert.pem\nssl_client_key = <{folder}/key.pem\n"


def test_client_certificate_is_shown(tmp_path: Path) -> None:
    context = client_context(settings(issued(tmp_path)), verify=False)
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    authority.issue_cert("relay.example.org").configure_cert(asking)
    asking.verify_mode = ssl.CERT_OPTIONAL
    asking.load_verify_locations(tmp_path / "cert.pem")
    asking.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    ours, theirs = socket.socketpair()
    handshake = gevent.spawn(asking.wrap_socket, ours, server_side=True)
    with context.wrap_socket(theirs, server_hostname="relay.example.org") as client, handshake.get(timeout=5) as server:
        server.sendall(b"x")
        client.recv(1)
        shown = server.getpeercert()
    assert shown is not None
    assert ("DNS", "msa.example.org") in shown["subjectAltName"]


@pytest.mark.parametrize("key", ["", "ssl_client_key = <{}/other.pem\n"], ids=["no key", "another's key"])
def test_unusable_client_certificate(tmp_path: Path, key: str) -> None:
    text = issued(tmp_path).splitlines()[0] + "\n" + key.format(tmp_path)
    with pytest.raises(
        CertificateError, match=r"^<text>:\d+: ssl_client_(cert: ssl_client_key, .* missing|key: .* is not the key of)"
    ):
        client_context(settings(text), verify=True)
