"""Channel bindings: what the server's end says is what the other end sees."""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cryptography
import gevent
import pytest
import trustme

from gsubmit.tls import exporter, openssl
from gsubmit.tls.bindings import bindings

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
EXPORTER, UNIQUE, END_POINT = "tls-exporter", "tls-unique", "tls-server-end-point"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    trustme.CA().issue_cert("mx.example").private_key_and_cert_chain_pem.write_to_path(path)
    return path


@pytest.fixture
def server(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextmanager
def connected(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """Both ends of a connection, the server's first."""
    ours, theirs = socket.socketpair()
    handshake = gevent.spawn(server.wrap_socket, ours, server_side=True)
    with client.wrap_socket(theirs, session=session) as theirs_wrapped, handshake.get(timeout=5) as ours_wrapped:
        yield ours_wrapped, theirs_wrapped


def found(sock: ssl.SSLSocket, certificate_der: bytes = b"") -> dict[str, bytes]:
    return {name: octets() for name, octets in bindings(sock, certificate_der).items()}


def der(sock: ssl.SSLSocket) -> bytes:
    shown = sock.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def test_sockets_are_those_of_gevent(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    with connected(server, client) as (ours, _):
        assert type(ours).__module__.startswith("gevent.")


@pytest.mark.parametrize(
    ("version", "types"),
    [
        pytest.param(TLS_1_3, {EXPORTER, END_POINT}, id="TLS 1.3: CHB-3, no tls-unique (CHB-1)"),
        pytest.param(TLS_1_2, {UNIQUE, END_POINT}, id="TLS 1.2: no tls-exporter (CHB-3)"),
    ],
)
def test_types(server: ssl.SSLContext, client: ssl.SSLContext, version: ssl.TLSVersion, types: set[str]) -> None:
    client.maximum_version = version
    with connected(server, client) as (ours, theirs):
        assert found(ours, der(theirs)).keys() == types
        assert found(ours).keys() == types - {END_POINT}


def test_tls_unique(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """CHB-1: Python's client takes its own Finished message, our end the one that it received."""
    client.maximum_version = TLS_1_2
    with connected(server, client) as (ours, theirs):
        binding = found(ours)[UNIQUE]
        assert binding == theirs.get_channel_binding("tls-unique")
        assert len(binding) == 12
    with connected(server, client) as (ours, _):
        assert found(ours)[UNIQUE] != binding


def test_no_tls_unique_of_a_resumed_session(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """SCR-14."""
    client.maximum_version = TLS_1_2
    with connected(server, client) as (ours, theirs):
        session = theirs.session
        assert UNIQUE in found(ours)
    with connected(server, client, session) as (ours, theirs):
        assert ours.session_reused and theirs.session_reused
        assert found(ours, der(theirs)).keys() == {END_POINT}


def test_tls_exporter_differs(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    seen = set()
    for _ in range(5):
        with connected(server, client) as (ours, theirs):
            binding = found(ours)[EXPORTER]
            assert len(binding) == 32
            assert found(ours)[EXPORTER] == binding == exporter.tls_exporter(theirs)
            seen.add(binding)
    assert len(seen) == 5


def test_tls_exporter_of_a_resumed_session(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """TLS 1.3 has what the extended master secret was made for."""
    with connected(server, client) as (ours, theirs):
        ours.sendall(b"220 mx.example\r\n")
        theirs.recv(100)  # with this the session ticket arrives
        session, before = theirs.session, found(ours)[EXPORTER]
    with connected(server, client, session) as (ours, theirs):
        assert ours.session_reused
        assert before != found(ours)[EXPORTER] == exporter.tls_exporter(theirs)


def test_tls_exporter_as_openssl_says(server: ssl.SSLContext) -> None:
    """CHB-3, RFC 9266 2."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}", "-tls1_3"]
        export = ["-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"]
        with subprocess.Popen([*command, *export], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as openssl:
            with server.wrap_socket(listener.accept()[0], server_side=True) as ours:
                binding = found(ours)[EXPORTER]
            printed, _ = openssl.communicate(b"", timeout=10)
    keying_material = re.search(rb"Keying material: ([0-9A-F]{64})\s", printed)
    assert keying_material is not None, printed
    assert bytes.fromhex(keying_material[1].decode()) == binding


def expanded(secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label of RFC 8446 7.1, for no more than one block of SHA-384."""
    label = b"tls13 " + label
    info = struct.pack(">HB", length, len(label)) + label + struct.pack(">B", len(context)) + context
    return hmac.digest(secret, info + b"\x01", "sha384")[:length]


def test_tls_exporter_as_the_rfc_says(server: ssl.SSLContext, client: ssl.SSLContext, tmp_path: Path) -> None:
    """CHB-3, from the connection's secret and RFC 8446 7.5 alone."""
    client.keylog_filename = str(tmp_path / "keys")
    with connected(server, client) as (ours, _):
        assert ours.cipher() == ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)
        binding = found(ours)[EXPORTER]
    logged = re.search(r"^EXPORTER_SECRET [0-9a-f]{64} ([0-9a-f]{96})$", (tmp_path / "keys").read_text(), re.MULTILINE)
    assert logged is not None
    nothing = hashlib.sha384().digest()
    secret = expanded(bytes.fromhex(logged[1]), b"EXPORTER-Channel-Binding", nothing, 48)
    assert binding == expanded(secret, b"exporter", nothing, 32)


def test_tls_exporter_after_another_context_was_chosen(
    server: ssl.SSLContext, client: ssl.SSLContext, certificate: Path
) -> None:
    """The callback for SNI replaces the context, which our look at the memory compares with."""
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.load_cert_chain(certificate)

    def choose(sock: ssl.SSLSocket | ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        sock.context = other

    server.sni_callback = choose
    with connected(server, client) as (ours, theirs):
        assert ours.context is other
        assert found(ours)[EXPORTER] == exporter.tls_exporter(theirs)


def test_official_way_comes_first(
    server: ssl.SSLContext, client: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ssl knows the type, OpenSSL is not asked behind its back."""
    monkeypatch.setattr(ssl, "CHANNEL_BINDING_TYPES", ["tls-unique", "tls-exporter"])
    monkeypatch.setattr(exporter, "_exported", None)
    with connected(server, client) as (ours, _):
        monkeypatch.setattr(type(ours), "get_channel_binding", lambda _, name: f"by ssl: {name}".encode())
        assert found(ours) == {EXPORTER: b"by ssl: tls-exporter"}


@pytest.fixture
def fresh() -> Iterator[None]:
    exporter.is_reliable.cache_clear()
    openssl.library.cache_clear()
    yield
    exporter.is_reliable.cache_clear()
    openssl.library.cache_clear()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("owner", "attribute", "instead"),
    [
        pytest.param("sys.implementation", "name", "pypy", id="another Python"),
        pytest.param("_ssl", "__file__", "/nowhere/_ssl.so", id="no such library"),
        pytest.param("gsubmit.tls.exporter", "self_signed", lambda *_: ("", ""), id="no certificate to try it with"),
        pytest.param("ctypes", "PyDLL", lambda _: object(), id="no such function"),
        pytest.param("_ssl", "_SSLSocket", object, id="another object"),
        pytest.param("gsubmit.tls.openssl", "connection", lambda _: None, id="another layout"),
        pytest.param("gsubmit.tls.exporter", "_exported", lambda _: None, id="export fails"),
        pytest.param("gsubmit.tls.exporter", "_exported", lambda _: b"same", id="all connections the same"),
        pytest.param("gsubmit.tls.exporter", "_exported", lambda sock: str(id(sock)).encode(), id="ends differ"),
    ],
)
def test_any_doubt_and_there_is_none(
    server: ssl.SSLContext,
    client: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    owner: str,
    attribute: str,
    instead: object,
) -> None:
    monkeypatch.setattr(f"{owner}.{attribute}", instead)
    with connected(server, client) as (ours, theirs):
        assert not exporter.is_reliable()
        assert found(ours, der(theirs)).keys() == {END_POINT}


def test_it_is_reliable_here() -> None:
    assert exporter.is_reliable()


def test_nothing_of_a_closed_socket(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    with connected(server, client) as (ours, _):
        ours.close()
        assert found(ours) == {}


_SAYS_PSS = pytest.mark.skipif(
    int(cryptography.__version__.partition(".")[0]) < 41, reason="the library does not say the hash of PSS: no binding"
)


def self_signed(folder: Path, how: str) -> bytes:
    """DER, made by openssl: the library here makes no signature with SHA-1 any more, and Debian's none with PSS yet."""
    command = f"openssl req -x509 {how} -nodes -days 1 -subj /CN=mx.example -outform DER"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.der")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return (folder / "certificate.der").read_bytes()


@pytest.mark.parametrize(
    ("how", "algorithm"),
    [
        pytest.param("-newkey rsa:2048 -sha256", "sha256", id="RSA with SHA-256"),
        pytest.param("-newkey rsa:2048 -sha512", "sha512", id="RSA with SHA-512"),
        pytest.param("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha384", "sha384", id="ECDSA with SHA-384"),
        pytest.param("-newkey rsa:2048 -sha384 -sigopt rsa_padding_mode:pss", "sha384", id="RSA-PSS", marks=_SAYS_PSS),
        pytest.param("-newkey rsa:2048 -sha1", "sha256", id="SHA-256 for SHA-1"),
    ],
)
def test_tls_server_end_point(
    server: ssl.SSLContext, client: ssl.SSLContext, tmp_path: Path, how: str, algorithm: str
) -> None:
    """CHB-2, with the digest made by openssl."""
    certificate_der = self_signed(tmp_path, how)
    command = ["openssl", "dgst", f"-{algorithm}", "-binary"]
    expected = subprocess.run(command, input=certificate_der, check=True, capture_output=True).stdout
    with connected(server, client) as (ours, _):
        assert found(ours, certificate_der)[END_POINT] == expected


def test_no_tls_server_end_point(server: ssl.SSLContext, client: ssl.SSLContext, tmp_path: Path) -> None:
    """CHB-2: Ed25519 has no digest of its own, and other octets are no certificate."""
    for certificate_der in (self_signed(tmp_path, "-newkey ed25519"), b"", b"\x30\x03abc"):
        with connected(server, client) as (ours, _):
            assert found(ours, certificate_der).keys() == {EXPORTER}
