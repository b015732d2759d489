"""Certificates by name and address, TLS versions, and the cipher's name in Received."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gsubmit.settings.load import load_text
from gsubmit.tls.certificates import CertificateError
from gsubmit.tls.server import ServerTls, cipher_name, cipher_numbers

Configure = Callable[[str], ServerTls]
NAMES = ("own", "a", "wild", "net", "host", "six")  # certificates, each for NAME.cert


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    for name in NAMES:
        issued = ca.issue_cert(f"{name}.cert", key_type=trustme.KeyType.ECDSA)
        (folder / f"{name}.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
    return folder


@pytest.fixture(scope="module")
def configure(folder: Path) -> Configure:
    def certificate(name: str) -> str:
        return f"ssl_cert = <{folder}/{name}.pem\nssl_key = <{folder}/{name}.key\n"

    def build(text: str) -> ServerTls:
        for name in NAMES:
            text = text.replace(f"@{name}@", certificate(name))
        return ServerTls(load_text(certificate("own") + text).settings)

    return build


def shake(server: ssl.SSLContext, name: str | None, **client_settings: object) -> tuple[str, ssl.SSLSocket]:
    """The name in the certificate that the server shows to a client asking for `name`, and the server's end."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for attribute, value in client_settings.items():
        setattr(context, attribute, value)
    return shake_with(context, server, name)


def shake_with(context: ssl.SSLContext, server: ssl.SSLContext, name: str | None) -> tuple[str, ssl.SSLSocket]:
    """The same, with a context of the client's."""
    ours, theirs = socket.socketpair()
    handshake = gevent.spawn(server.wrap_socket, ours, server_side=True)
    with context.wrap_socket(theirs, server_hostname=name) as client:
        shown = client.getpeercert(binary_form=True)
        wrapped = handshake.get(timeout=5)
    assert shown is not None
    found = re.search(rb"([a-z]+)\.cert", shown)
    assert found is not None
    return found[1].decode(), wrapped


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_comes_back_has_a_shorter_handshake(configure: Configure, version: ssl.TLSVersion) -> None:
    server = configure("").context("192.0.2.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode, context.maximum_version = False, ssl.CERT_NONE, version
    session: ssl.SSLSession | None = None
    for is_back in (False, True):
        ours, theirs = socket.socketpair()
        handshake = gevent.spawn(server.wrap_socket, ours, server_side=True)
        with context.wrap_socket(theirs, session=session) as client, handshake.get(timeout=5) as wrapped:
            wrapped.sendall(b"220")
            assert client.recv(3) == b"220"  # the ticket is read before it
            assert client.session_reused is is_back
            session = client.session


BLOCKS = """
local_name "a.example B.example" {
@a@}
local_name *.wild.example {
@wild@}
local_name dotted.example. {
@six@}
local 10.0.0.0/8 {
@net@}
local 10.1.2.3 {
@host@}
local 2001:db8::/32 {
@six@}
"""


@pytest.mark.parametrize(
    ("local_ip", "name", "shown"),
    [
        pytest.param("192.0.2.1", None, "own", id="no SNI"),
        pytest.param("192.0.2.1", "other.example", "own", id="unknown name"),
        pytest.param("192.0.2.1", "a.example", "a", id="local_name"),
        pytest.param("192.0.2.1", "A.Example", "a", id="SNI in any case"),
        pytest.param("192.0.2.1", "a.example.", "a", id="SNI with a dot at its end, against RFC 6066 3"),
        pytest.param("192.0.2.1", "x.wild.example.", "wild", id="the same with a star"),
        pytest.param("192.0.2.1", "dotted.example", "six", id="local_name with a dot at its end"),
        pytest.param("192.0.2.1", "Dotted.Example.", "six", id="both"),
        pytest.param("192.0.2.1", "b.example", "a", id="local_name in any case, second name"),
        pytest.param("192.0.2.1", "x.wild.example", "wild", id="one label for the star"),
        pytest.param("192.0.2.1", "x.y.wild.example", "own", id="not two labels"),
        pytest.param("192.0.2.1", "wild.example", "own", id="not none"),
        pytest.param("192.0.2.1", "x.a.example", "own", id="no star, no match"),
        pytest.param("10.9.9.9", None, "net", id="local network"),
        pytest.param("10.1.2.3", None, "host", id="the narrower network wins"),
        pytest.param("10.9.9.9", "a.example", "a", id="the name wins over the address"),
        pytest.param("2001:db8::1", None, "six", id="local IPv6 network"),
        pytest.param("2001:db9::1", None, "own", id="another IPv6 network"),
        pytest.param("fe80::1%eth0", None, "own", id="address with a scope"),
    ],
)
def test_certificate(configure: Configure, local_ip: str, name: str | None, shown: str) -> None:
    certificate, sock = shake(configure(BLOCKS).context(local_ip), name)
    sock.close()
    assert certificate == shown


@pytest.mark.parametrize("resumes", [False, True], ids=["new", "resumed"])
@pytest.mark.parametrize(("local_ip", "name"), [("192.0.2.1", None), ("10.1.2.3", None), ("192.0.2.1", "a.example")])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_certificate_for_channel_bindings(
    configure: Configure, local_ip: str, name: str | None, version: ssl.TLSVersion, resumes: bool
) -> None:
    tls = configure(BLOCKS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode, context.maximum_version = False, ssl.CERT_NONE, version
    session = None
    for _ in range(2 if resumes else 1):
        ours, theirs = socket.socketpair()
        handshake = gevent.spawn(tls.context(local_ip).wrap_socket, ours, server_side=True)
        with context.wrap_socket(theirs, server_hostname=name, session=session) as client:
            with handshake.get(timeout=5) as server:
                server.sendall(b"x")
                client.recv(1)
                assert tls.certificate(server) == client.getpeercert(binary_form=True) != b""
            session, was_resumed = client.session, client.session_reused
    assert was_resumed is resumes


@pytest.fixture(scope="module")
def second(folder: Path) -> str:
    """A second certificate, with an RSA key."""
    issued = trustme.CA().issue_cert("second.cert", key_type=trustme.KeyType.RSA)
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "second.pem")
    return f"ssl_alt_cert = <{folder}/second.pem\nssl_alt_key = <{folder}/second.pem\n"


@pytest.mark.parametrize(
    ("name", "ciphers", "shown"),
    [
        pytest.param(None, "ECDHE-ECDSA-AES128-GCM-SHA256", "own", id="ECDSA"),
        pytest.param(None, "ECDHE-RSA-AES128-GCM-SHA256", "second", id="RSA"),
        pytest.param("b.example", "ECDHE-RSA-AES128-GCM-SHA256", "second", id="RSA of a block"),
        pytest.param("a.example", "ECDHE-ECDSA-AES128-GCM-SHA256", "a", id="block with a certificate of its own"),
        pytest.param("a.example", "ECDHE-RSA-AES128-GCM-SHA256", None, id="which has no second one"),
    ],
)
def test_second_certificate(
    configure: Configure, second: str, name: str | None, ciphers: str, shown: str | None
) -> None:
    tls = configure(f"{second}local_name a.example {{\n@a@}}\nlocal_name b.example {{\n@wild@{second}}}\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode, context.maximum_version = False, ssl.CERT_NONE, ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    if shown is None:
        with pytest.raises(ssl.SSLError):
            shake_with(context, tls.context("192.0.2.1"), name)
        return
    certificate, sock = shake_with(context, tls.context("192.0.2.1"), name)
    assert certificate == shown
    assert bool(tls.certificate(sock)) is (shown == "a")  # which of two it was, nobody tells us
    sock.close()


def test_second_certificate_unusable(configure: Configure, second: str, folder: Path) -> None:
    wrong = f"ssl_alt_cert = <{folder}/second.pem\nssl_alt_key = <{folder}/a.key\n"
    with pytest.raises(CertificateError, match=r"^<text>:\d+: ssl_alt_key: .* is not the key of "):
        configure(wrong)
    with pytest.raises(CertificateError, match=r"^<text>:\d+: ssl_alt_key: .* is not the key of "):
        configure(f"local_name x.example {{\n{wrong}}}\n")


@pytest.mark.parametrize(
    ("label", "known"),
    [("CERTIFICATE", True), ("X509 CERTIFICATE", False), ("TRUSTED CERTIFICATE", False)],
)
def test_labels_of_certificates(configure: Configure, folder: Path, label: str, known: bool) -> None:
    """Never the first of the chain instead of the certificate itself."""
    first, marker, rest = (folder / "own.pem").read_text().partition("-----END CERTIFICATE-----")
    text = f"Some words before it\n{first}{marker}".replace(" CERTIFICATE", f" {label}") + rest
    (folder / "labelled.pem").write_text(text + (folder / "a.pem").read_text())
    tls = configure(f"ssl_cert = <{folder}/labelled.pem\n")
    certificate, sock = shake(tls.context("192.0.2.1"), None)
    assert certificate == "own"
    assert bool(tls.certificate(sock)) is known
    sock.close()


@pytest.mark.parametrize(
    ("text", "client_settings"),
    [
        pytest.param("", {"maximum_version": ssl.TLSVersion.TLSv1_1}, id="TLSv1.1"),
        pytest.param(
            "ssl_min_protocol = TLSv1.3", {"maximum_version": ssl.TLSVersion.TLSv1_2}, id="TLSv1.2 where 1.3 is asked"
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_too_old(configure: Configure, text: str, client_settings: dict[str, object]) -> None:
    with pytest.raises(ssl.SSLError):
        shake(configure(text).context("192.0.2.1"), None, **client_settings)


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        pytest.param("", ssl.TLSVersion.TLSv1_3, r"TLS_[A-Z0-9_]+", id="TLS 1.3 by name"),
        pytest.param(
            "ssl_cipher_list = ECDHE-ECDSA-AES128-GCM-SHA256", ssl.TLSVersion.TLSv1_2, "0xC02B", id="TLS 1.2 by number"
        ),
    ],
)
def test_cipher_name(configure: Configure, text: str, version: ssl.TLSVersion, expected: str) -> None:
    _, sock = shake(configure(text).context("192.0.2.1"), None, maximum_version=version)
    assert re.fullmatch(expected, cipher_name(sock))
    sock.close()
    assert cipher_name(sock) == ""


def test_every_cipher_has_a_name() -> None:
    """Whatever a client may negotiate can stand in the tls clause (RFC 8314 4.3)."""
    context = ssl.create_default_context()
    missing = [
        cipher["name"]
        for cipher in context.get_ciphers()
        if not cipher["name"].startswith("TLS_")
        and not re.fullmatch("0x[0-9A-F]{4}", cipher_numbers().get(cipher["name"], ""))
    ]
    assert missing == []


def test_key_with_password(configure: Configure, folder: Path) -> None:
    key = load_pem_private_key((folder / "own.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))
    (folder / "locked.key").write_bytes(locked)
    text = f"ssl_key = <{folder}/locked.key\n"
    certificate, sock = shake(configure(f"{text}ssl_key_password = hunter2\n").context("192.0.2.1"), None)
    sock.close()
    assert certificate == "own"
    for password, said in ("", "has a password: set "), ("ssl_key_password = wrong\n", "is not the password of "):
        with pytest.raises(CertificateError, match=rf"^<text>:\d+: ssl_key: .*{said}"):
            configure(text + password)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("ssl_key = <{}/a.key\n", 3, id="key of another certificate"),
        pytest.param('local_name "x.example y.example" {{\nssl_key = <{}/a.key\n}}\n', 4, id="block"),
        pytest.param("local 192.0.2.0/24 {{\nssl_key = <{}/a.key\n}}\n", 4, id="network"),
    ],
)
def test_unusable(configure: Configure, folder: Path, text: str, line: int) -> None:
    with pytest.raises(CertificateError, match=f"^<text>:{line}: ssl_key: .* is not the key of the certificate in "):
        configure(text.format(folder))


@pytest.mark.parametrize(
    ("text", "expected"), [("", False), ("ssl_prefer_server_ciphers = yes", True)], ids=["default", "ours-first"]
)
def test_options(configure: Configure, text: str, expected: bool) -> None:
    options = configure(text).context("192.0.2.1").options
    assert bool(options & ssl.OP_CIPHER_SERVER_PREFERENCE) is expected
    assert options & ssl.OP_NO_COMPRESSION
    assert options & ssl.OP_NO_RENEGOTIATION
