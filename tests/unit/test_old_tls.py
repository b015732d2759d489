"""Old relays and old clients: never by default, and by the settings that say so; the same with every Python."""

from __future__ import annotations

import datetime
import socket
import ssl
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gevent
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gsubmit.auth.chain import build_chain
from gsubmit.auth.passdbs.imap import ImapServer
from gsubmit.settings.load import load_text
from gsubmit.tls.certificates import CIPHERS, client_context, new_context
from gsubmit.tls.client import client_context as relay_context
from gsubmit.tls.server import ServerTls

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")

NAME = "mx.example"


@dataclass(frozen=True)
class Files:
    """Of one authority: `good` has an RSA key of 2048 bits, `short` one of 1024."""

    folder: Path

    def __getattr__(self, name: str) -> str:
        return str(self.folder / f"{name}.pem")


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def begun(subject: str, issuer: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The authority is as plain as many are: no critical basicConstraints, no key identifiers."""
    folder = tmp_path_factory.mktemp("old")
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = begun("ca", "ca", ca_key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=False)
    (folder / "ca.pem").write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM))
    for name, bits in (("good", 2048), ("short", 1024)):
        key = rsa.generate_private_key(65537, bits)
        leaf = begun(NAME, "ca", key).add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        (folder / f"{name}.pem").write_bytes(
            leaf.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        )
    made = ["openssl", "dhparam", "-dsaparam", "-out", str(folder / "dh.pem"), "1024"]  # -dsaparam: at once
    subprocess.run(made, check=True, capture_output=True)
    return Files(folder)


def old_server(files: Files, kind: str) -> ssl.SSLContext:
    """A server that is old in one way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.short if kind == "1024-bit certificate" else files.good)
    if kind == "TLS 1.0":
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    elif kind == "TLS 1.1":
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    elif kind == "DHE 1024":
        context.set_ciphers("DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
        context.load_dh_params(files.dh)
    elif kind == "static RSA":
        context.set_ciphers("AES128-GCM-SHA256:@SECLEVEL=0")
    elif kind == "CBC-SHA1":
        context.set_ciphers("ECDHE-RSA-AES128-SHA:@SECLEVEL=0")
    return context


def version_with(client: ssl.SSLContext, server: ssl.SSLContext) -> str | None:
    """What both come to speak. Raises ssl.SSLError or OSError from the client's end."""
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    shaking = gevent.spawn(shaken, server, theirs)
    try:
        with client.wrap_socket(ours, server_hostname=NAME) as sock:
            return sock.version()
    finally:
        ours.close()
        shaking.get(timeout=5)


def shaken(server: ssl.SSLContext, sock: socket.socket) -> None:
    try:
        server.wrap_socket(sock, server_side=True).close()
    except OSError:
        sock.close()


KINDS = [
    ("TLS 1.0", "ssl_min_protocol = TLSv1"),
    ("TLS 1.0", "ssl_client_min_protocol = TLSv1"),
    ("TLS 1.0", "ssl_client_min_protocol = ANY\nssl_client_cipher_list = ECDHE-RSA-AES128-SHA"),
    ("TLS 1.1", "ssl_client_min_protocol = TLSv1.1"),
    ("DHE 1024", "ssl_client_cipher_list = DEFAULT:@SECLEVEL=1"),
    ("static RSA", "ssl_client_cipher_list = DEFAULT"),
    ("static RSA", "ssl_cipher_list = DEFAULT"),
    ("CBC-SHA1", "ssl_client_cipher_list = DEFAULT"),
    ("1024-bit certificate", "ssl_client_cipher_list = DEFAULT@SECLEVEL=1"),
]


def dialling(leg: str, files: Files, text: str) -> ssl.SSLContext:
    """The context of a leg, with these settings."""
    settings = load_text(f"ssl = no\nssl_client_ca_file = {files.ca}\n{text}\n{passdb(files)}").settings
    if leg == "relay":
        return relay_context(settings.ssl, verify=True)
    if leg == "relay, not verified":
        return relay_context(settings.ssl, verify=False)
    (link,) = build_chain(settings).links
    assert isinstance(link.passdb, ImapServer)
    assert link.passdb.context is not None
    return link.passdb.context


def passdb(files: Files) -> str:
    return f"passdb {{\n  driver = imap\n  args = host={NAME} ssl=imaps ssl_ca_file={files.ca}\n}}\n"


@pytest.mark.parametrize("leg", ["relay", "relay, not verified", "imap"])
@pytest.mark.parametrize(("kind", "text"), KINDS, ids=[f"{kind}: {text.split()[0]}" for kind, text in KINDS])
def test_old_server_on_purpose_only(files: Files, leg: str, kind: str, text: str) -> None:
    if (leg, kind) != ("relay, not verified", "1024-bit certificate"):  # whose certificate does not count
        with pytest.raises(OSError):
            version_with(dialling(leg, files, ""), old_server(files, kind))
    expected = {"TLS 1.0": "TLSv1", "TLS 1.1": "TLSv1.1"}.get(kind, "TLSv1.2")
    assert version_with(dialling(leg, files, text), old_server(files, kind)) == expected


def test_client_side_goes_its_own_way(files: Files) -> None:
    """Old clients need not make the relay's side weak, nor the other way round."""
    text = "ssl_min_protocol = TLSv1\nssl_client_min_protocol = TLSv1.2\nssl_client_cipher_list = ECDHE+AESGCM"
    context = dialling("relay", files, text)
    assert (context.minimum_version, context.security_level) == (ssl.TLSVersion.TLSv1_2, 2)


@pytest.mark.parametrize(
    ("text", "is_served"),
    [
        ("", False),
        ("ssl_client_min_protocol = TLSv1", False),
        ("ssl_min_protocol = TLSv1", True),
        ("ssl_min_protocol = ANY", True),
        ("ssl_min_protocol = TLSv1.1", False),
        ("ssl_min_protocol = TLSv1\nssl_cipher_list = DEFAULT", True),
        ("ssl_min_protocol = TLSv1\nssl_cipher_list = DEFAULT:@SECLEVEL=0", True),
        ("ssl_min_protocol = TLSv1\nssl_cipher_list = DEFAULT:@SECLEVEL=1", False),
        ("ssl_min_protocol = TLSv1\nssl_cipher_list = ECDHE+AESGCM", False),
        ("ssl_cipher_list = DEFAULT:@SECLEVEL=0", False),
    ],
)
@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-RSA-AES128-SHA"])
def test_client_with_tls_1_0(files: Files, text: str, is_served: bool, cipher: str) -> None:
    """TLS-3: not by default. And what cannot do what it says, the check says so."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1
    client.set_ciphers(f"{cipher}:@SECLEVEL=0")
    loaded = load_text(f"ssl_cert = <{files.good}\nssl_key = <{files.good}\n{text}\n")
    server = ServerTls(loaded.settings).context("192.0.2.1")
    if is_served:
        assert version_with(client, server) == "TLSv1"
    else:
        with pytest.raises(OSError):
            version_with(client, server)
    warnings = [notice.text for notice in loaded.notices if notice.text.startswith("ssl_min_protocol = ")]
    if "ssl_min_protocol" in text:
        has_effect = is_served or "TLSv1.1" in text
        assert [("has no effect" in warning, "weak keys" in warning) for warning in warnings] == [
            (not has_effect, has_effect)
        ]
    else:
        assert warnings == []


@cache
def suites(ciphers: str) -> frozenset[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ciphers)
    return frozenset(cipher["name"] for cipher in context.get_ciphers())


@pytest.mark.parametrize("side", [ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER])
def test_nothing_is_left_to_python(side: int) -> None:
    """Neither its ciphers nor VERIFY_X509_STRICT, which some builds and versions have and others not."""
    context = new_context(side)
    assert {cipher["name"] for cipher in context.get_ciphers()} == suites(CIPHERS)
    assert context.security_level == 2
    assert context.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST
    weak = ("-SHA", "PSK", "SRP", "NULL", "3DES", "CCM")
    assert not [name for name in suites(CIPHERS) if name.endswith("-SHA") or any(word in name for word in weak[1:])]
    assert all(name.startswith(("TLS_", "ECDHE-", "DHE-")) for name in suites(CIPHERS))


def test_plain_authority_is_believed(files: Files) -> None:
    """CPython 3.13's create_default_context refuses it: no key identifiers (RFC 5280 4.2.1.1)."""
    assert version_with(client_context(files.ca, ""), old_server(files, "nothing")) == "TLSv1.2"


def test_an_intermediate_alone_is_no_anchor(tmp_path: Path) -> None:
    """Nor is VERIFY_X509_PARTIAL_CHAIN there, which CPython 3.13 adds."""
    root = trustme.CA()
    middle = root.create_child_ca()
    issued = middle.issue_cert(NAME)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(server)
    middle.cert_pem.write_to_path(tmp_path / "middle.pem")
    root.cert_pem.write_to_path(tmp_path / "root.pem")
    with pytest.raises(ssl.SSLCertVerificationError):
        version_with(client_context(str(tmp_path / "middle.pem"), ""), server)
    assert version_with(client_context(str(tmp_path / "root.pem"), ""), server) == "TLSv1.3"
