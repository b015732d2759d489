"""What follows for a session when a front end says by XCLIENT whose it is."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gsubmit.server.door import _holder
from gsubmit.server.endpoints import MAX_TTL
from tests.harness.serving import serving
from tests.unit.server.authority import CN, Authority, rdn
from tests.unit.server.sessions import Client, connected

TRUSTED = "login_trusted_networks = 192.0.2.0/24\n"
PASSWORD = "AUTH PLAIN AHVzZXIAc2VjcmV0"
USERS = "passdb {\n  driver = static\n  args = password=secret\n}\n"


@contextmanager
def behind(settings: str = "") -> Iterator[Client]:
    """A session with a front end, 192.0.2.10, that has said EHLO."""
    with connected(TRUSTED + settings) as client:
        client.say("EHLO front.example")
        yield client


def test_the_address_is_the_clients() -> None:
    """XCL-10: only who is trusted as a client has no penalty; passwords come by a way that is safe."""
    with behind() as client:
        session = client.session
        was_trusted = session.is_trusted
        assert _holder(session) == ("session", session.id)
        client.say("XCLIENT PORT=56324 ADDR=198.51.100.1 DESTADDR=192.0.2.25 DESTPORT=465")
        assert (session.ends.remote_ip, session.ends.remote_port) == ("198.51.100.1", 56324)
        assert (session.ends.local_ip, session.ends.local_port) == ("192.0.2.25", 465)
        assert (session.ends.peer_ip, session.ends.real_ip) == ("192.0.2.10", "192.0.2.10")
        assert (was_trusted, session.is_trusted) == (True, False)
        assert session.is_secured
        assert _holder(session) == ("network", "198.51.100.1")


def test_a_penalty_is_the_clients() -> None:
    with behind("auth_failure_delay = 0\n" + USERS) as client:
        client.say("XCLIENT ADDR=198.51.100.1", "EHLO front.example")
        assert client.reply("AUTH PLAIN AHVzZXIAd3Jvbmc=").code == 535
        state = client.session.service.logins.state
        assert state.level("198.51.100.1") == 1
        assert state.level("192.0.2.10") == 0


def test_connections_are_counted_by_the_clients_address() -> None:
    with behind("mail_max_userip_connections = 1\n" + USERS) as client:
        assert client.session.service.logins.state.enter("user", "192.0.2.10", 1)
        client.say("XCLIENT ADDR=198.51.100.1", "EHLO front.example", PASSWORD)
        assert not client.session.service.logins.state.enter("user", "198.51.100.1", 1)
        client.session.leave()
        assert client.session.service.logins.state.enter("user", "198.51.100.1", 1)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        pytest.param("allow_nets=198.51.100.0/24", 235, id="the client's address"),
        pytest.param("allow_nets=192.0.2.0/24", 535, id="not the front end's"),
        pytest.param("allow_real_nets=192.0.2.0/24", 235, id="the front end's own"),
        pytest.param("allow_real_nets=198.51.100.0/24", 535, id="not the client's"),
    ],
)
def test_networks_of_a_user(field: str, code: int) -> None:
    passdb = f"passdb {{\n  driver = static\n  args = password=secret {field}\n}}\n"
    with behind("auth_failure_delay = 0\n" + passdb) as client:
        client.say("XCLIENT ADDR=198.51.100.1", "EHLO front.example")
        assert client.reply(PASSWORD).code == code


def test_forwarded_fields_are_extra_fields() -> None:
    with behind(USERS) as client:
        client.say("XCLIENT FORWARD=YT0xCXVzZXI9cm9vdAljCWNfLT14", "EHLO front.example", PASSWORD)
        assert client.session.login is not None
        identity = client.session.login.identity
        assert identity.user == "user"
        assert identity.fields == {
            "forward_a": "1", "forward_user": "root", "forward_c": "yes", "forward_c_-": "x"
        }  # fmt: skip


def test_login_is_no_login() -> None:
    """XCL-10: a trusted network vouches for addresses, not for users."""
    with behind() as client:
        client.say("XCLIENT ADDR=198.51.100.1 LOGIN=user", "EHLO front.example")
        assert client.session.login is None
        assert client.reply("MAIL FROM:<a@example.org>").code == 530


def test_whether_it_may_say_more_is_judged_by_its_own_address() -> None:
    """XCL-9 is what others do: lines are split, and ADDR need not be the last."""
    with behind() as client:
        client.say("XCLIENT ADDR=198.51.100.1", "XCLIENT SESSION=abc", "EHLO front.example", "XCLIENT PORT=1")
        assert client.session.id == "abc"
        assert client.session.label == "submission-login<abc>"
        assert client.session.ends.remote_ip == "198.51.100.1"
        assert client.session.ends.peer_ip == "192.0.2.10"


def test_a_client_does_not_become_trusted_by_its_address() -> None:
    """Nor may it be trusted because a front end says that it is: it has the front end's rights, and none of its own."""
    with connected("login_trusted_networks = 192.0.2.10\n", remote_ip="198.51.100.1") as client:
        assert client.reply("XCLIENT ADDR=192.0.2.10").code == 550
        assert not client.session.is_front_end


def test_lines_add_up() -> None:
    """XCL-5, XCL-8."""
    with behind() as client:
        ends = client.session.ends
        client.say("XCLIENT HELO=client.example TTL=3 FORWARD=YT0x", "XCLIENT PROTO=SMTP PORT=7 ADDR=198.51.100.1")
        told = replace(ends, peer_ip="192.0.2.10", helo="client.example", ttl=3, forward={"a": "1"})
        assert client.session.ends == replace(told, proto="SMTP", remote_ip="198.51.100.1", remote_port=7)


def test_what_the_next_client_does_not_say_is_unknown() -> None:
    """XCL-8; addresses, id and hops stay until others are said."""
    with behind() as client:
        client.say(
            "XCLIENT ADDR=198.51.100.1 PORT=7 PROTO=SMTP HELO=client.example CLIENT-TRANSPORT=TLS TTL=3 FORWARD=YT0x",
            "EHLO front.example",
        )
        before = client.session.ends
        client.say("XCLIENT ADDR=198.51.100.2")
        unknown = replace(before, remote_port=0, proto="", helo="", transport="", forward={})
        assert client.session.ends == replace(unknown, remote_ip="198.51.100.2")


def test_hops_cannot_be_added() -> None:
    with behind() as client:
        client.say("XCLIENT TTL=100")
        assert client.session.ends.ttl == MAX_TTL


def test_a_port_that_is_not_said_is_not_the_front_ends() -> None:
    with behind() as client:
        client.say("XCLIENT ADDR=198.51.100.1")
        assert client.session.ends.remote_port == 0
        assert client.session.client.port == 0


@pytest.mark.parametrize(
    ("told", "tls", "expected"),
    [
        pytest.param("CLIENT-TRANSPORT=TLS", False, True, id="TLS in front"),
        pytest.param("CLIENT-TRANSPORT=insecure", True, False, id="TLS from the front end to us only"),
        pytest.param("ADDR=198.51.100.1", True, True, id="not said"),
        pytest.param("ADDR=198.51.100.1", False, False, id="not said, nor TLS"),
    ],
)
def test_the_clients_transport_is_what_the_relay_hears(told: str, tls: bool, expected: bool) -> None:
    with connected(TRUSTED) as client:
        if tls:
            client.start_tls()
        client.say("EHLO front.example", f"XCLIENT {told}", "EHLO front.example")
        assert client.session.client.tls is expected


def test_the_clients_name_is_the_one_that_the_front_end_heard() -> None:
    with behind() as client:
        client.say("XCLIENT HELO=client.example DESTNAME=mail.example", "EHLO front.example")
        assert client.session.client.helo == "client.example"
        assert client.session.client.destname == "mail.example"
        client.say("XCLIENT HELO=my_pc", "EHLO front.example")
        assert client.session.client.helo == "front.example"


def test_tls_by_a_proxy_header_stays() -> None:
    with connected(TRUSTED) as client:
        client.session.ends = replace(client.session.ends, tls="TLSv1.3")
        client.say("EHLO front.example", "XCLIENT ADDR=198.51.100.1")
        assert client.session.has_tls


def test_a_front_end_s_certificate_is_not_its_clients(tmp_path: Path) -> None:
    """With XCLIENT the TLS here is the front end's own; whoever is behind it would log in as the front end."""
    authority = Authority()
    (tmp_path / "ca.pem").write_text(authority.pem)
    (tmp_path / "front.pem").write_bytes(authority.issue(rdn(CN, "front")))
    settings = (
        f"ssl_ca = <{tmp_path}/ca.pem\nssl_verify_client_cert = yes\nssl_require_crl = no\n"
        "auth_mechanisms = external\nauth_ssl_username_from_cert = yes\nlogin_trusted_networks = 127.0.0.1\n"
        "passdb {\n  driver = static\n  args = nopassword=y\n}\n"
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(tmp_path / "front.pem")
    with serving(settings) as served:
        for says, code in ((b"NOOP", b"235"), (b"XCLIENT ADDR=198.51.100.1", b"504")):
            with (
                socket.create_connection(("127.0.0.1", served.tls_port)) as sock,
                context.wrap_socket(sock) as tls,
                tls.makefile("rb") as heard,
            ):
                tls.settimeout(5)
                heard.readline()
                for line in (says, b"AUTH EXTERNAL ="):
                    tls.sendall(line + b"\r\n")
                    reply = heard.readline()
                assert reply.startswith(code)
