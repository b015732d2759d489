"""Client certificates over real handshakes: who is let in, who is named, and what is said of the others."""

from __future__ import annotations

import datetime
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from shutil import which

import gevent
import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type

from gsubmit.server.wire import Closed, Wire
from gsubmit.settings.load import load_text
from gsubmit.tls.certificates import CertificateError
from gsubmit.tls.clientcertificate import is_shown, user_name
from gsubmit.tls.server import ServerTls
from tests.unit.server.authority import CN, DAY, MAIL, NOW, ORGANIZATION, SERVER, UID, Authority, rdn

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
AUTHORITY = Authority()
OTHER = Authority()
INTERMEDIATE = Authority(AUTHORITY.ca.create_child_ca())
JOE = AUTHORITY.issue(rdn(CN, "joe"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("own", "a"):
        (folder / f"{name}.pem").write_bytes(AUTHORITY.issue(rdn(CN, name), purpose=SERVER))
    return folder


@pytest.fixture
def server(keys: Path, tmp_path: Path) -> Callable[..., ServerTls]:
    def build(authorities: str = AUTHORITY.pem, text: str = "ssl_require_crl = no") -> ServerTls:
        (tmp_path / "ca.pem").write_text(authorities)
        lines = [
            f"ssl_cert = <{keys}/own.pem\nssl_key = <{keys}/own.pem",
            f"ssl_ca = <{tmp_path}/ca.pem\nssl_verify_client_cert = yes\n{text}",
            f"local_name a.example {{\nssl_cert = <{keys}/a.pem\nssl_key = <{keys}/a.pem\n}}\n",
        ]
        settings = load_text("\n".join(lines)).settings
        (tmp_path / "ca.pem").unlink()  # as for a server that may not read it any more
        return ServerTls(settings)

    return build


Serve = Callable[..., ServerTls]


class Client:
    """What a client shows, and what it keeps for the next time."""

    def __init__(self, tmp_path: Path, *shown: bytes, version: ssl.TLSVersion = VERSIONS[-1]) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.context.maximum_version = version
        self.session: ssl.SSLSession | None = None
        if shown:
            (tmp_path / "client.pem").write_bytes(b"".join(shown))
            self.context.load_cert_chain(tmp_path / "client.pem")

    def meet(self, tls: ServerTls, field: str = "commonName", sni: str = "own.example") -> tuple[str, bool, bool]:
        """The user that the server knows, whether a session was resumed, and whether certificate() told the truth."""
        ours, theirs = socket.socketpair()
        wire = Wire(ours, 5)
        handshake = gevent.spawn(wire.start_tls, tls.context("192.0.2.1"), 5)
        try:
            with self.context.wrap_socket(theirs, server_hostname=sni, session=self.session) as client:
                handshake.get(timeout=5)
                assert wire.tls is not None
                wire.tls.sendall(b"220 ")
                assert client.recv(4) == b"220 "  # after which the tickets of TLS 1.3 have arrived
                self.session = client.session
                same = client.getpeercert(binary_form=True) == tls.certificate(wire.tls)
                return user_name(wire.tls, field), client.session_reused or False, same
        finally:
            wire.close()

    def refused(self, tls: ServerTls, sni: str = "own.example") -> tuple[str, str]:
        """What the server logs, and what the client sees."""
        ours, theirs = socket.socketpair()
        handshake = gevent.spawn(Wire(ours, 5).start_tls, tls.context("192.0.2.1"), 5)
        with (
            pytest.raises(OSError) as seen,
            self.context.wrap_socket(theirs, server_hostname=sni, session=self.session) as client,
        ):
            client.recv(1)
        theirs.close()
        with pytest.raises(Closed) as closed:
            handshake.get(timeout=5)
        assert isinstance(seen.value, ssl.SSLError)
        return str(closed.value), seen.value.reason


@pytest.mark.parametrize("sni", ["own.example", "a.example"])
@pytest.mark.parametrize("version", VERSIONS)
def test_valid(server: Serve, tmp_path: Path, version: ssl.TLSVersion, sni: str) -> None:
    assert Client(tmp_path, JOE, version=version).meet(server(), sni=sni) == ("joe", False, True)


@pytest.mark.parametrize("version", VERSIONS)
def test_none(server: Serve, tmp_path: Path, version: ssl.TLSVersion) -> None:
    assert Client(tmp_path, version=version).meet(server()) == ("", False, True)


def test_not_asked(server: Serve, tmp_path: Path) -> None:
    """TLS-8."""
    tls = server(text="ssl_verify_client_cert = no")
    assert Client(tmp_path, JOE).meet(tls) == ("", False, True)


CRL_NEEDED = "ssl_require_crl = yes"


@pytest.mark.parametrize("sni", ["own.example", "a.example"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("shown", "authorities", "text", "reason", "alert"),
    [
        pytest.param(
            OTHER.issue(rdn(CN, "joe")), AUTHORITY.pem, "", "unable to get local issuer certificate",
            "UNKNOWN_CA", id="another CA",
        ),
        pytest.param(
            AUTHORITY.issue(rdn(CN, "joe"), until=NOW - DAY), AUTHORITY.pem, "ssl_require_crl = no",
            "certificate has expired", "CERTIFICATE_EXPIRED", id="expired",
        ),
        pytest.param(
            AUTHORITY.issue(rdn(CN, "joe"), purpose=SERVER), AUTHORITY.pem, "ssl_require_crl = no",
            "(unsupported|unsuitable) certificate purpose", "UNSUPPORTED_CERTIFICATE", id="for servers only",
        ),
        pytest.param(JOE, AUTHORITY.pem, CRL_NEEDED, "unable to get certificate CRL", "UNKNOWN_CA", id="no CRL"),
        pytest.param(
            JOE, AUTHORITY.pem + AUTHORITY.crl(JOE), CRL_NEEDED, "certificate revoked", "CERTIFICATE_REVOKED",
            id="revoked",
        ),
        pytest.param(
            JOE, AUTHORITY.pem + AUTHORITY.crl(until=NOW - DAY), CRL_NEEDED, "CRL has expired",
            "CERTIFICATE_EXPIRED", id="old CRL",
        ),
        pytest.param(
            JOE, AUTHORITY.pem + OTHER.crl(), CRL_NEEDED, "unable to get certificate CRL", "UNKNOWN_CA",
            id="CRL of another CA",
        ),
        pytest.param(
            INTERMEDIATE.issue(rdn(CN, "joe")), AUTHORITY.pem, "ssl_require_crl = no",
            "unable to get local issuer certificate", "UNKNOWN_CA", id="intermediate CA that nobody shows",
        ),
        pytest.param(
            INTERMEDIATE.issue(rdn(CN, "joe")) + INTERMEDIATE.pem.encode(),
            AUTHORITY.pem + AUTHORITY.crl(), CRL_NEEDED, "unable to get certificate CRL", "UNKNOWN_CA",
            id="no CRL of the intermediate CA",
        ),
        pytest.param(
            INTERMEDIATE.issue(rdn(CN, "joe")) + INTERMEDIATE.pem.encode(),
            AUTHORITY.pem + AUTHORITY.crl(INTERMEDIATE.pem.encode()) + INTERMEDIATE.crl(), CRL_NEEDED,
            "certificate revoked", "CERTIFICATE_REVOKED", id="intermediate CA revoked",
        ),
    ],
)  # fmt: skip
def test_refused(
    server: Serve, tmp_path: Path, version: ssl.TLSVersion, sni: str,
    shown: bytes, authorities: str, text: str, reason: str, alert: str,
) -> None:  # fmt: skip
    logged, seen = Client(tmp_path, shown, version=version).refused(server(authorities, text), sni)
    assert logged.startswith("TLS handshake failed: client certificate: ")
    assert re.fullmatch(reason, logged.partition("certificate: ")[2])
    assert seen.endswith(alert)


@pytest.mark.parametrize(
    ("shown", "authorities", "text"),
    [
        pytest.param(JOE, AUTHORITY.pem + AUTHORITY.crl(), CRL_NEEDED, id="CRL"),
        pytest.param(JOE, AUTHORITY.crl() + OTHER.pem + AUTHORITY.pem, CRL_NEEDED, id="in any order"),
        pytest.param(JOE, AUTHORITY.pem + AUTHORITY.crl(JOE), "ssl_require_crl = no", id="CRL that is ignored"),
        pytest.param(
            INTERMEDIATE.issue(rdn(CN, "joe")) + INTERMEDIATE.pem.encode(),
            AUTHORITY.pem + AUTHORITY.crl() + INTERMEDIATE.crl(),
            CRL_NEEDED,
            id="intermediate CA of the client's, both CRLs",
        ),
        pytest.param(
            INTERMEDIATE.issue(rdn(CN, "joe")),
            AUTHORITY.pem + INTERMEDIATE.pem,
            "ssl_require_crl = no",
            id="intermediate CA of ours",
        ),
    ],
)
def test_accepted(server: Serve, tmp_path: Path, shown: bytes, authorities: str, text: str) -> None:
    assert Client(tmp_path, shown).meet(server(authorities, text))[0] == "joe"


@pytest.mark.parametrize(
    ("subject", "field", "expected"),
    [
        pytest.param([(CN, "joe")], "CN", "joe", id="short name of a field"),
        pytest.param([(CN, "joe")], "2.5.4.3", "joe", id="number of a field"),
        pytest.param([(CN, "x"), (UID, "joe")], "userId", "joe", id="userId"),
        pytest.param([(CN, "x"), (UID, "joe")], "UID", "joe", id="UID"),
        pytest.param([(MAIL, "joe@example.org"), (CN, "x")], "emailAddress", "joe@example.org", id="emailAddress"),
        pytest.param([(CN, "jos\u00e9 \u5b57")], "commonName", "jos\u00e9 \u5b57", id="UTF-8"),
        pytest.param([(CN, "jos\u00e9", _ASN1Type.BMPString)], "CN", "jos\u00e9", id="BMPString"),
        pytest.param([(ORGANIZATION, "joe")], "commonName", "", id="field missing"),
        pytest.param([], "commonName", "", id="no subject"),
        pytest.param([(CN, "joe"), (CN, "ann")], "commonName", "", id="two"),
        pytest.param([(CN, "joe"), (CN, "joe")], "commonName", "", id="the same twice"),
        pytest.param([(CN, "joe\0.example")], "commonName", "", id="NUL"),
        pytest.param([(CN, "\0")], "commonName", "", id="only NUL"),
        pytest.param([(CN, "joe\n")], "commonName", "", id="line end"),
        pytest.param([(CN, "j\u202eoe")], "commonName", "", id="mark that turns the direction"),
        pytest.param([(CN, "joe", _ASN1Type.BMPString)], "commonName", "joe", id="ASCII in BMPString"),
    ],
)
def test_user_name(
    server: Serve, tmp_path: Path, subject: list[tuple[x509.ObjectIdentifier, str]], field: str, expected: str
) -> None:
    shown = AUTHORITY.issue(*(rdn(*parts) for parts in subject))
    assert Client(tmp_path, shown).meet(server(), field)[0] == expected


def test_two_names_in_one_part_of_the_subject(server: Serve, tmp_path: Path) -> None:
    shown = AUTHORITY.issue(
        x509.RelativeDistinguishedName([x509.NameAttribute(CN, "joe"), x509.NameAttribute(CN, "ann")])
    )
    assert Client(tmp_path, shown).meet(server())[0] == ""


@pytest.mark.parametrize("sni", ["own.example", "a.example"])
@pytest.mark.parametrize("version", VERSIONS)
def test_resumed(server: Serve, tmp_path: Path, version: ssl.TLSVersion, sni: str) -> None:
    client, tls = Client(tmp_path, JOE, version=version), server()
    assert client.meet(tls, sni=sni) == ("joe", False, True)
    assert client.meet(tls, sni=sni) == ("joe", True, True)


@pytest.mark.parametrize("version", VERSIONS)
def test_resumed_without_certificate(server: Serve, tmp_path: Path, version: ssl.TLSVersion) -> None:
    client, tls = Client(tmp_path, version=version), server()
    assert [client.meet(tls) for _ in range(2)] == [("", False, True), ("", True, True)]


def test_session_of_a_server_with_other_authorities(server: Serve, tmp_path: Path) -> None:
    """A server that was started again with a new CRL takes no session from before."""
    client = Client(tmp_path, JOE)
    assert client.meet(server(AUTHORITY.pem + AUTHORITY.crl(), CRL_NEEDED))[0] == "joe"
    later = server(AUTHORITY.pem + AUTHORITY.crl(JOE), CRL_NEEDED)
    assert client.refused(later)[0].endswith(": certificate revoked")


@pytest.mark.slow
def test_expired_since_the_session_began(server: Serve, tmp_path: Path) -> None:
    """TLS 1.3 hands out a new ticket each time: a client could go on for ever."""
    end = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(seconds=2)
    shown, tls = AUTHORITY.issue(rdn(CN, "joe"), until=end), server()
    clients = [Client(tmp_path, shown, version=version) for version in VERSIONS]
    assert [client.meet(tls)[:2] for client in clients] == [("joe", False)] * 2
    time.sleep(max(end.timestamp() + 1.1 - time.time(), 0))
    assert [client.meet(tls)[:2] for client in clients] == [("", True)] * 2


@pytest.mark.parametrize(("ends", "shown"), [("Jan  1 00:00:00 2020 GMT", False), ("Jan  1 00:00:00 2120 GMT", True)])
def test_expired_ones_are_not_shown(server: Serve, monkeypatch: pytest.MonkeyPatch, ends: str, shown: bool) -> None:
    """auth_ssl_require_client_cert asks for no less than a name does."""
    with server().context("192.0.2.1").wrap_socket(socket.socket(), server_side=True) as sock:
        monkeypatch.setattr(sock, "getpeercert", lambda: {"notAfter": ends, "subject": ()})
        assert is_shown(sock) is shown


def test_closed(server: Serve) -> None:
    with server().context("192.0.2.1").wrap_socket(socket.socket(), server_side=True) as sock:
        assert user_name(sock, "commonName") == ""
        assert not is_shown(sock)


@pytest.mark.parametrize(
    ("authorities", "said"),
    [
        pytest.param("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n", "cannot use", id="unreadable"),
        pytest.param(AUTHORITY.pem + AUTHORITY.pem.replace("MII", "MIX"), "cannot use", id="second one unreadable"),
        pytest.param(AUTHORITY.crl(), "holds no CA certificate", id="only a CRL"),
    ],
)
def test_unusable_authorities(server: Serve, authorities: str, said: str) -> None:
    with pytest.raises(CertificateError, match=f"^ssl_ca: {said}"):
        server(authorities)


@pytest.mark.skipif(which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    ("shown", "user"),
    [(JOE, "joe"), (b"", ""), (OTHER.issue(rdn(CN, "joe")), None)],
    ids=["valid", "none", "not valid"],
)
def test_openssl_as_client(server: Serve, tmp_path: Path, shown: bytes, user: str | None) -> None:
    """A client that is not Python's; s_client says whether it was asked for a certificate."""
    (tmp_path / "client.pem").write_bytes(shown)
    context = server().context("192.0.2.1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        command = ["openssl", "s_client", "-connect", target, "-brief", *(["-cert", "client.pem"] if shown else [])]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT) as client:
            sock, _ = listener.accept()
            wire = Wire(sock, 5)
            try:
                wire.start_tls(context, 5)
            except Closed:
                assert user is None
            else:
                assert wire.tls is not None
                assert user_name(wire.tls, "commonName") == user
            finally:
                wire.close()
            output, _ = client.communicate(timeout=10)
    assert (b"alert unknown ca" in output) is (user is None)
