"""gsubmit logs in at a Postfix that lets Dovecot look at passwords."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_dovecot import dovecot_auth
from tests.harness.peer_gsubmit import ONE_WORKER, USER, gsubmit
from tests.harness.peer_message import small_message
from tests.harness.peer_postfix import Postfix, postfix
from tests.harness.peer_process import eventually
from tests.harness.serving import certificate_folder

RELAY_USER, PASSWORD = "gsubmit", "Pässe, Pfade = Pein"
MECHANISMS = ("PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256")


@pytest.fixture(scope="module")
def relay() -> Iterator[Postfix]:
    with dovecot_auth({RELAY_USER: PASSWORD}) as socket:
        asks = {
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": str(socket),
            "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject",
        }
        servers = {name: {**asks, "smtpd_sasl_mechanism_filter": name.lower()} for name in MECHANISMS}
        servers["all"] = asks
        servers["starttls"] = {**asks, "smtpd_tls_security_level": "may", "smtpd_tls_auth_only": "yes"}
        servers["xclient"] = {**asks, "smtpd_authorized_xclient_hosts": "127.0.0.0/8"}
        with postfix(servers) as running:
            yield running


def _settings(password: str = PASSWORD, more: str = "") -> str:
    return f'submission_relay_user = {RELAY_USER}\nsubmission_relay_password = "{password}"\n{more}'


@pytest.mark.parametrize("offered", [*MECHANISMS, "all"])
def test_gsubmit_logs_in_with_the_best_mechanism(relay: Postfix, offered: str) -> None:
    """And only once, without a second EHLO, for all messages on the connection."""
    seen = len(relay.log)
    with gsubmit(relay.ports[offered], _settings()) as server:
        with Client(server) as client:
            for number in range(3):
                assert client.submit(small_message(f"login-{number}"))[0] == 250, server.log
        assert PASSWORD not in server.log
    mechanism = "SCRAM-SHA-256" if offered == "all" else offered
    accepted = [line for line in relay.log[seen:].splitlines() if ": client=" in line]
    assert len(accepted) == 3
    for line in accepted:  # the last is what MAIL AUTH= said, RFC 4954 5
        assert line.endswith(f"sasl_method={mechanism}, sasl_username={RELAY_USER}, sasl_sender={USER}")
    eventually("goodbye", lambda: "ehlo=1 auth=1 mail=3 rcpt=3 bdat=4 quit=1" in relay.log[seen:])


def test_a_login_inside_tls(relay: Postfix) -> None:
    seen = len(relay.log)
    trust = f"submission_relay_ssl = starttls\nssl_client_ca_file = {certificate_folder()}/ca.pem\n"
    with gsubmit(relay.ports["starttls"], _settings(more=trust)) as server, Client(server) as client:
        assert client.submit(small_message("inside"))[0] == 250
    eventually("goodbye", lambda: "ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 bdat=2 quit=1" in relay.log[seen:])


@pytest.mark.parametrize("offered", [*MECHANISMS, "all"])
def test_a_wrong_password_is_ours_to_log(relay: Postfix, offered: str) -> None:
    with gsubmit(relay.ports[offered], _settings("wrong-4711")) as server, Client(server) as client:
        code, text = client.submit(small_message("refused"))
        assert (code, text) == (451, b"4.3.5 The relay server does not accept our connection, try again later")
        assert client.noop()[0] == 250
        mechanism = "SCRAM-SHA-256" if offered == "all" else offered
        assert f"refused our login with {mechanism}: 535 5.7.8 " in server.log
        assert "wrong-4711" not in server.log


def test_without_a_login_the_relay_refuses_and_we_log_it(relay: Postfix) -> None:
    with gsubmit(relay.ports["all"]) as server, Client(server) as client:
        code, text = client.submit(small_message("refused"))
        assert (code, text[:6]) == (554, b"5.7.1 ")


@pytest.mark.parametrize("offered", ["all", "xclient"])
def test_a_login_and_xclient_together_and_the_connection_is_kept(relay: Postfix, offered: str) -> None:
    """Postfix takes LOGIN= for a login, and refuses AUTH after it."""
    seen = len(relay.log)
    with gsubmit(relay.ports[offered], _settings(more="submission_relay_trusted = yes\n" + ONE_WORKER)) as server:
        for user in (USER, "user", USER):
            with Client(server, tls=True, user=user) as client:
                assert client.submit(small_message("both"))[0] == 250, server.log
    eventually("all on one connection", lambda: "mail=3 rcpt=3 bdat=4 quit=1" in relay.log[seen:])
    accepted = [line for line in relay.log[seen:].splitlines() if ": client=" in line]
    who = [USER, "user", USER] if offered == "xclient" else [RELAY_USER] * 3
    assert [line.partition("sasl_username=")[2].partition(",")[0] for line in accepted] == who
