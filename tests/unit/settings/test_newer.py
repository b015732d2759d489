"""Configurations of Dovecot 2.4."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsubmit.settings.blocks import SUBMISSION, SUBMISSIONS, InetListener
from gsubmit.settings.load import Loaded
from gsubmit.settings.problem import SettingsError
from gsubmit.settings.sections import Settings
from tests.harness.loading import load_text

GOOD = Path(__file__).parents[2] / "config" / "good"
HEAD = "dovecot_config_version = 2.4.1\ndovecot_storage_version = 2.4.0\n"


def loaded(text: str, head: str = f"{HEAD}ssl = no\n") -> Loaded:
    return load_text(f"{head}{text}", GOOD / "x.conf")


def settings(text: str) -> Settings:
    return loaded(text).settings


def refused(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(text)
    assert len(caught.value.problems) == 1
    return str(caught.value).removeprefix(f"{GOOD}/x.conf:1: ")


def test_that_it_is_one_is_said() -> None:
    notes = [notice.text for notice in loaded("").notices if notice.place.line == 1]
    assert notes == ["this is a configuration of Dovecot 2.4, read as 2.3 would say it: check-config -n shows that"]


def test_certificates() -> None:
    ssl = loaded(
        """
        ssl_server_cert_file = cert.pem
        ssl_server_key_file = key.pem
        ssl_server_ca_file = cert.pem
        ssl_server_request_client_cert = yes
        ssl_server_require_crl = no
        ssl_server_prefer_ciphers = server
        local_name x.example.org {
          ssl_server_cert_file = other.pem
        }
        """,
        HEAD,
    ).settings
    assert ssl.ssl.ssl_cert == ssl.ssl.ssl_ca == (GOOD / "cert.pem").read_text()
    assert ssl.ssl.ssl_key == (GOOD / "key.pem").read_text()
    assert (ssl.ssl.ssl_verify_client_cert, ssl.ssl.ssl_require_crl, ssl.ssl.ssl_prefer_server_ciphers) == (
        True,
        False,
        True,
    )
    assert ssl.local_names[0].ssl_cert == (GOOD / "other.pem").read_text()


@pytest.mark.parametrize(("allowed", "disabled"), [("yes", False), ("no", True)])
def test_cleartext_is_turned_round(allowed: str, disabled: bool) -> None:
    assert settings(f"auth_allow_cleartext = {allowed}\n").auth.disable_plaintext_auth is disabled


def test_values() -> None:
    read = settings(
        """
        hostname = mail.example.org
        login_greeting = $SET:hostname ready
        submission_max_recipients = unlimited
        submission_relay_host = mx
        submission_relay_ssl = starttls
        auth_default_domain = example.org
        auth_username_format = %{ user | username | lower }
        auth_mechanisms {
          plain = yes
          login = no
        }
        """
    )
    assert read.server.login_greeting == "mail.example.org ready"
    assert (read.relay.ssl, read.submission.submission_max_recipients) == ("starttls", 0)
    assert read.auth.usernames.auth_default_realm == "example.org"
    assert read.auth.usernames.auth_username_format == "%{username|lower}"
    assert read.auth.auth_mechanisms == ("plain",)


@pytest.mark.parametrize(
    ("passdb", "expected"),
    [
        pytest.param(
            "passdb passwd-file {\npasswd_file_path = /etc/users\n}",
            ("passwd-file", "/etc/users", ""),
            id="driver-by-name",
        ),
        pytest.param(
            "passdb local {\ndriver = passwd-file\npasswd_file_path = /etc/%{user | domain}/users\n"
            "default_password_scheme = PLAIN\nauth_username_format = %{user | username}\n}",
            ("passwd-file", "scheme=PLAIN username_format=%{username} /etc/%{domain}/users", ""),
            id="passwd-file",
        ),
        pytest.param(
            "passdb x {\npassdb_driver = passwd-file\npasswd_file_path = /x\nfields {\nallow_nets = ::1\nnologin = y\n}\n}",
            ("passwd-file", "/x", "allow_nets=::1 nologin=y"),
            id="fields",
        ),
        pytest.param("passdb static {\npassword = s\n}", ("static", "password=s", ""), id="static"),
        pytest.param(
            "passdb static {\npassdb_static_password = s\ndefault_password_scheme = PLAIN\n}",
            ("static", "password={PLAIN}s", ""),
            id="static-scheme",
        ),
        pytest.param(
            "passdb static {\nfields {\nnopassword = yes\nproxy = y\nhost = 127.0.0.1\n}\n}",
            ("static", "nopassword=yes proxy=y host=127.0.0.1", ""),
            id="static-fields",
        ),
        pytest.param("passdb x {\ndriver = oauth2\nargs = /x\n}", ("oauth2", "/x", ""), id="args"),
        pytest.param(
            "passdb sql {\nsql_driver = mysql\nquery = SELECT 1\nmysql localhost {\n}\nfields {\nuser = %{sql:x}\n}\n}",
            ("sql", "", ""),
            id="not-here",
        ),
    ],
)
def test_passdbs(passdb: str, expected: tuple[str, str, str]) -> None:
    (read,) = settings(passdb).passdbs
    assert (read.driver, read.args, read.override_fields) == expected


def test_rules_of_passdbs() -> None:
    text = "deny = yes\nskip = authenticated\npassdb_result_failure = return-fail\nmechanisms_filter = plain\n"
    (read,) = settings(f"passdb passwd-file {{\npasswd_file_path = /x\n{text}}}\n").passdbs
    assert (read.deny, read.skip, read.result_failure, read.mechanisms) == (
        True,
        "authenticated",
        "return-fail",
        ("plain",),
    )


def test_a_gate_that_is_not_here_stays_an_error() -> None:
    with pytest.raises(SettingsError, match="without its override_fields = nologin would be unsafe"):
        loaded("passdb ldap {\nfields {\nnologin = yes\n}\n}\n")
    with pytest.raises(SettingsError, match="without its result_failure = return-fail would be unsafe"):
        loaded("passdb ldap {\nresult_failure = return-fail\n}\n")


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("inet_listener submission {\nport = 10587\n}", (InetListener("submission", port=10587), SUBMISSIONS)),
        ("inet_listener submissions {\nport = 0\n}", (SUBMISSION,)),
        (
            "inet_listener submission {\nlisten = ::1\n}\ninet_listener submissions {\nport = 0\n}",
            (InetListener("submission", ("::1",), 587),),
        ),
        ("restart_request_count = 1", (SUBMISSION, SUBMISSIONS)),
    ],
)
def test_listeners(inner: str, expected: tuple[InetListener, ...]) -> None:
    certificates = "ssl_server_cert_file = cert.pem\nssl_server_key_file = key.pem\n"
    read = loaded(f"service submission-login {{\n{inner}\n}}\n", f"{HEAD}{certificates}").settings
    assert set(read.services.inet_listeners) == set(expected)


def test_what_is_for_others_is_ignored() -> None:
    others = "mail_driver = maildir\nmail_path = ~/x\nsql_driver = mysql\nfoo_bar = 1\nprotocols {\nimap = yes\n}\nquota x {\n}\n"
    assert loaded(others).settings == loaded("").settings


def test_what_has_no_words_is_one_message() -> None:
    text = """
        ssl_server_request_client_cert = any-cert
        oauth2_introspection_mode = post
        ssl_server {
        }
        passdb imap {
          imapc_host = x
        }
        passdb static {
          fields {
            reason = not today
          }
          nonsense = 1
        }
        no_such_thing = 1
    """
    assert refused(text) == (
        "this is a configuration of Dovecot 2.4, and this cannot be said in the words of 2.3: "
        "ssl_server_request_client_cert = any-cert (x.conf:5), oauth2_introspection_mode (x.conf:6), "
        "'ssl_server' (x.conf:7), 'passdb imap' (write its args, see gsubmit.conf(5)) (x.conf:9), "
        "imapc_host in 'passdb imap' (x.conf:10), reason = not today in 'passdb static' (x.conf:14), "
        "nonsense in 'passdb static' (x.conf:16)"
    )


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("auth_allow_cleartext = no", "disable_plaintext_auth = yes"),
        ("auth_allow_cleartext = yes", "disable_plaintext_auth = no"),
        ("ssl_server_cert_file = /etc/c.pem", "ssl_cert = </etc/c.pem"),
        ("ssl_server_prefer_ciphers = client", "ssl_prefer_server_ciphers = no"),
        ("ssl_server_key_password = hunter2", "ssl_key_password"),
    ],
)
def test_advice_turns_nothing_round(setting: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_text(f"ssl = no\n{setting}\n")
    name = setting.partition(" ")[0]
    assert [one.text for one in caught.value.problems] == [f"{name} is of Dovecot 2.4; in the words of 2.3: {said}"]
