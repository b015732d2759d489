"""Clients of other hands log in with every mechanism that they know, and are refused with what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import trustme

from gsubmit.auth.schemes.stored import hash_password
from tests.harness.oauth import pem, rsa_key, token
from tests.harness.peer_clients import Ran
from tests.harness.peer_gsubmit import PASSWORD, Gsubmit, gsubmit
from tests.harness.peer_loginclients import curl, gsasl, msmtp, swaks
from tests.harness.peer_process import eventually
from tests.harness.peer_sink import Sink, sink

USER = "user@example.org"
HASHED = {"SCRAM-SHA-1": "sha1@example.org", "SCRAM-SHA-256": "sha256@example.org", "CRAM-MD5": "cram@example.org"}
MECHANISMS = (
    "external scram-sha-256-plus scram-sha-1-plus scram-sha-256 scram-sha-1 oauthbearer xoauth2 plain login cram-md5"
)
SETTINGS = f"""
auth_mechanisms = {MECHANISMS}
auth_penalty = no
auth_master_user_separator = *
ssl_ca = <{{folder}}/clients-ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
passdb {{
  driver = passwd-file
  args = {{folder}}/hashed
}}
passdb {{
  driver = oauth2
  args = {{folder}}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  args = {{folder}}/masters
  master = yes
  result_success = continue
}}
"""
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={keys}/
"""
TLS_1_2 = "--priority=NORMAL:-VERS-TLS1.3"
PASSWORDS = {
    "msmtp-plain": partial(msmtp, mechanism="plain"),
    "msmtp-login": partial(msmtp, mechanism="login"),
    "msmtp-cram-md5": partial(msmtp, mechanism="cram-md5"),
    "msmtp-scram-sha-1": partial(msmtp, mechanism="scram-sha-1"),
    "msmtp-scram-sha-256": partial(msmtp, mechanism="scram-sha-256"),
    "curl-plain": partial(curl, mechanism="PLAIN"),
    "curl-login": partial(curl, mechanism="LOGIN"),
    "curl-cram-md5": partial(curl, mechanism="CRAM-MD5", implicit_tls=True),
    "swaks-cram-md5": partial(swaks, mechanism="CRAM-MD5"),
    "gsasl-plain": partial(gsasl, mechanism="PLAIN"),
    "gsasl-login": partial(gsasl, mechanism="LOGIN"),
    "gsasl-cram-md5": partial(gsasl, mechanism="CRAM-MD5"),
    "gsasl-scram-sha-1": partial(gsasl, mechanism="SCRAM-SHA-1", options=("--no-cb",)),
    "gsasl-scram-sha-256": partial(gsasl, mechanism="SCRAM-SHA-256", options=("--no-cb",)),
    "gsasl-scram-sha-1-plus-tls-exporter": partial(gsasl, mechanism="SCRAM-SHA-1-PLUS"),
    "gsasl-scram-sha-256-plus-tls-exporter": partial(gsasl, mechanism="SCRAM-SHA-256-PLUS"),
    "gsasl-scram-sha-1-plus-tls-unique": partial(gsasl, mechanism="SCRAM-SHA-1-PLUS", options=(TLS_1_2,)),
    "gsasl-scram-sha-256-plus-tls-unique": partial(gsasl, mechanism="SCRAM-SHA-256-PLUS", options=(TLS_1_2,)),
}
TOKENS = {
    "msmtp-oauthbearer": partial(msmtp, mechanism="oauthbearer"),
    "msmtp-xoauth2": partial(msmtp, mechanism="xoauth2"),
    "curl-oauthbearer": partial(curl, mechanism="OAUTHBEARER"),
    "curl-oauthbearer-at-once": partial(curl, mechanism="OAUTHBEARER", options=("--sasl-ir",)),
}
LogIn = Callable[..., Ran]


@pytest.fixture(scope="module")
def relay() -> Iterator[Sink]:
    with sink() as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, and the certificates of user@example.org and of a stranger, each with its key."""
    folder = tmp_path_factory.mktemp("clients")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    for name in (USER, "stranger"):
        ca.issue_cert("user@example.org", common_name=name).private_key_and_cert_chain_pem.write_to_path(
            folder / f"{name}.pem"
        )
    return folder


@pytest.fixture(scope="module")
def files(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    keys = tmp_path_factory.mktemp("keys")
    (keys / "default/RS256").mkdir(parents=True)
    (keys / "default/RS256/k1").write_bytes(pem(rsa_key()))
    return {
        "clients-ca.pem": (certificates / "ca.pem").read_text(),
        "oauth2.conf": OAUTH2.format(keys=keys),
        "hashed": "".join(f"{user}:{hash_password(scheme, PASSWORD)}\n" for scheme, user in HASHED.items()),
        "masters": f"boss:{{PLAIN}}{PASSWORD}\n",
    }


@pytest.fixture(scope="module")
def server(relay: Sink, files: dict[str, str]) -> Iterator[Gsubmit]:
    with gsubmit(relay.port, SETTINGS, files) as running:
        yield running


def accepted(server: Gsubmit, relay: Sink, log_in: Callable[[], Ran], mechanism: str, line: str) -> None:
    """A client is let in, which the log tells by its name, and what it submits is relayed."""
    seen, logged = len(relay.messages), len(server.log)
    ran = log_in()
    assert ran.code == 0, ran.output
    eventually("a login in the log", lambda: "Login: " in server.log_so_far[logged:])
    assert f"Login: {line}, method={mechanism.upper()}, rip=127.0.0.1, lip=127.0.0.1, TLS, " in server.log[logged:]
    if log_in.func is gsasl:  # type: ignore[attr-defined]
        assert "(server trusted)" in ran.output
    else:
        eventually("a message", lambda: len(relay.messages) == seen + 1)


def refused(server: Gsubmit, log_in: Callable[[], Ran]) -> None:
    logged = len(server.log)
    ran = log_in()
    assert ran.code != 0
    assert "535 5.7.8 " in ran.output or "< 334 eyJzdGF0dXMiOiI0MDEi" in ran.output, ran.output
    eventually("the end of the session", lambda: "submission-login: Info: " in server.log_so_far[logged:])
    assert "Login: " not in server.log[logged:]


@pytest.mark.parametrize("client", PASSWORDS.values(), ids=PASSWORDS)
def test_passwords(server: Gsubmit, relay: Sink, client: partial[Ran]) -> None:
    """Where the password itself is stored, and where only keys of the mechanism are."""
    mechanism = client.keywords["mechanism"].upper()
    for user in dict.fromkeys([USER, HASHED.get(mechanism.removesuffix("-PLUS"), USER)]):
        accepted(server, relay, partial(client, server, user=user, secret=PASSWORD), mechanism, f"user=<{user}>")
    refused(server, partial(client, server, user=user, secret="wrong"))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_a_master_user(server: Gsubmit, relay: Sink, mechanism: str) -> None:
    options = ["--no-cb"] if mechanism == "SCRAM-SHA-256" else []
    ask = partial(gsasl, server, mechanism, "boss", PASSWORD)
    line = f"user=<{USER}>, master=<boss>"
    accepted(server, relay, partial(ask, options=[f"--authorization-id={USER}", *options]), mechanism, line)
    refused(server, partial(ask, options=["--authorization-id=nobody@example.org", *options]))


@pytest.mark.parametrize("client", TOKENS.values(), ids=TOKENS)
def test_tokens(server: Gsubmit, relay: Sink, client: partial[Ran]) -> None:
    good, wrong = token(rsa_key(), email=USER), token(rsa_key("another"), email=USER)
    mechanism = client.keywords["mechanism"]
    accepted(server, relay, partial(client, server, user=USER, secret=good), mechanism, f"user=<{USER}>")
    refused(server, partial(client, server, user=USER, secret=wrong))
    refused(server, partial(client, server, user="sha1@example.org", secret=good))


def test_curl_knows_xoauth2(relay: Sink, files: dict[str, str]) -> None:
    """Only where there is nothing better: it does not let itself be told. Told why it is refused, it hangs up."""
    with gsubmit(relay.port, f"{SETTINGS}auth_mechanisms = xoauth2\n", files) as server:
        ask = partial(curl, server, "XOAUTH2", USER)
        accepted(server, relay, partial(ask, token(rsa_key(), email=USER)), "XOAUTH2", f"user=<{USER}>")
        refused(server, partial(ask, token(rsa_key("another"), email=USER)))


@pytest.mark.parametrize("name", [USER, "stranger"])
def test_certificates(server: Gsubmit, relay: Sink, certificates: Path, name: str) -> None:
    path = certificates / f"{name}.pem"
    shown = ("--cert", str(path), "--key", str(path))
    clients = [
        partial(msmtp, server, "external", name, "none", certificate=path),  # it can send no empty response
        partial(curl, server, "EXTERNAL", USER, "", options=shown, implicit_tls=True),
    ]
    for log_in in clients:
        if name == USER:
            accepted(server, relay, log_in, "EXTERNAL", f"user=<{USER}>")
        else:
            refused(server, log_in)
