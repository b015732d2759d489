"""Behind a real haproxy, and behind Dovecot's login proxy: the client is the one that came to them."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.peer_frontends import FrontEnd, dovecot_proxy, haproxy
from tests.harness.peer_gsubmit import PASSWORD, USER, Gsubmit, gsubmit
from tests.harness.peer_process import eventually
from tests.harness.peer_sink import Sink, sink
from tests.harness.serving import certificate_folder
from tests.unit.server.authority import CN, Authority, rdn

ADDRESS = "127.0.0.5"
MESSAGE = b"Subject: through a front end\r\n\r\nHello\r\n"
HAPROXY = """
haproxy_trusted_networks = 127.0.0.1
service submission-login {
  inet_listener submission {
    haproxy = yes
  }
  inet_listener submissions {
    haproxy = yes
  }
}
"""


@pytest.fixture(scope="module")
def relay() -> Iterator[Sink]:
    with sink() as running:
        yield running


@contextmanager
def submitting(port: int, context: ssl.SSLContext | None = None) -> Iterator[smtplib.SMTP]:
    """A client at ADDRESS that has said EHLO."""
    if context is None:
        client = smtplib.SMTP("127.0.0.1", port, "client.example.org", 10, (ADDRESS, 0))
    else:
        client = smtplib.SMTP_SSL(
            "localhost", port, "client.example.org", timeout=10, context=context, source_address=(ADDRESS, 0)
        )
    with client:
        client.ehlo()
        yield client


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))


@pytest.fixture(scope="module")
def behind_haproxy(relay: Sink) -> Iterator[tuple[Gsubmit, FrontEnd]]:
    with gsubmit(relay.port, HAPROXY) as server, haproxy(server.port, server.tls_port) as front:
        yield server, front


@pytest.mark.parametrize("way", ["v1", "v2", "tls", "passed on"])
def test_haproxy_tells_who_the_client_is(behind_haproxy: tuple[Gsubmit, FrontEnd], relay: Sink, way: str) -> None:
    """PPX-1, PPX-10, PPX-11: with its own TLS, with TLS that is passed on, and with STARTTLS through it."""
    server, front = behind_haproxy
    seen, logged = len(relay.messages), len(server.log)
    with submitting(front.ports[way], trusting() if way in ("tls", "passed on") else None) as client:
        if way in ("v1", "v2"):
            client.starttls(context=_for_any_name())
            client.ehlo()
        assert not client.has_extn("starttls")
        client.login(USER, PASSWORD)
        client.sendmail("a@example.org", ["b@example.net"], MESSAGE)
    assert f"rip={ADDRESS}, lip=127.0.0.1, TLS, session=" in server.log[logged:]
    message = eventually("the message", lambda: relay.messages[seen:])[-1]
    assert re.search(rb"from client\.example\.org \(\[127\.0\.0\.5\]\)\s+by \S+ with ESMTPSA", message)


def _for_any_name() -> ssl.SSLContext:
    context = trusting()
    context.check_hostname = False  # it is 127.0.0.1 to smtplib
    return context


def test_haproxys_health_checks_are_answered(behind_haproxy: tuple[Gsubmit, FrontEnd]) -> None:
    """PPX-7: LOCAL, and the connection ends before or after the greeting."""
    server, _ = behind_haproxy
    assert eventually("a health check", lambda: "rip=127.0.0.1, lip=127.0.0.1" in server.log_so_far)
    assert "Traceback" not in server.log


def test_a_certificate_at_haproxy_logs_in(relay: Sink) -> None:
    """PPX-10: EXTERNAL by the name that haproxy has verified; who shows none there has none."""
    authority = Authority()
    settings = HAPROXY + "auth_mechanisms = plain external\nssl_verify_client_cert = yes\nssl_require_crl = no\n"
    ca = certificate_folder() / "ca.pem"
    both = ca.read_text() + authority.pem
    files = {"ca.pem": both, "joe.pem": authority.issue(rdn(CN, "user")).decode()}
    with gsubmit(relay.port, settings + "ssl_ca = <{folder}/ca.pem\n", files) as server:
        with haproxy(server.port, server.tls_port, server.folder / "ca.pem") as front:
            context = trusting()
            context.load_cert_chain(server.folder / "joe.pem")
            with submitting(front.ports["certificate"], context) as client:
                assert "EXTERNAL" in client.esmtp_features["auth"]
                assert client.docmd("AUTH", "EXTERNAL =")[0] == 235
            with submitting(front.ports["certificate"], trusting()) as client:
                assert "EXTERNAL" not in client.esmtp_features["auth"]
        assert f"user=<user>, method=EXTERNAL, rip={ADDRESS}, " in server.log


def test_dovecots_login_proxy_tells_who_the_client_is(relay: Sink) -> None:
    """XCL-5, XCL-7, XCL-10: after STARTTLS, with its session id; a wrong password is refused by us, for that client."""
    with gsubmit(relay.port, "login_trusted_networks = 127.0.0.1\nauth_verbose = yes\n") as server:
        with dovecot_proxy(server.port) as front:
            seen = len(relay.messages)
            with submitting(front.ports["clear"]) as client:
                with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
                    client.login(USER, "wrong")
                assert (refused.value.smtp_code, refused.value.smtp_error) == (535, b"5.7.8 Authentication failed")
            with submitting(front.ports["clear"]) as client:
                client.login(USER, PASSWORD)
                client.sendmail("a@example.org", ["b@example.net"], MESSAGE)
            message = eventually("the message", lambda: relay.messages[seen:])[-1]
            proxied = (front.folder / "dovecot.log").read_text()
        log = server.log
    assert f"rip={ADDRESS}, lip=127.0.0.1, TLS, session=<" in log
    (session,) = set(re.findall(r"Login: .*session=<(.*)>", log))
    assert f"session=<{session}>" in proxied
    assert re.search(rb"from client\.example\.org \(\[127\.0\.0\.5\]\)", message)
    assert re.search(r"Login failed: .*rip=127\.0\.0\.5", log)
