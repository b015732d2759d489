"""What `doveconf` 2.3 says "Obsolete setting" to."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsubmit.settings.load import Loaded
from gsubmit.settings.problem import SettingsError
from tests.harness.loading import load_text

GOOD = Path(__file__).parents[2] / "config" / "good"


def loaded(text: str) -> Loaded:
    return load_text(text, GOOD / "x.conf")


def said(text: str, kind: str) -> list[str]:
    return [notice.text for notice in loaded(f"ssl = no\n{text}").notices if notice.kind == kind]


def test_certificates_without_less_than() -> None:
    text = "ssl_cert_file = cert.pem\nssl_key_file = key.pem\nssl_ca_file = cert.pem\n"
    read = loaded(text)
    ssl = read.settings.ssl
    assert ssl.ssl_cert == ssl.ssl_ca == (GOOD / "cert.pem").read_text()
    assert ssl.ssl_key.path == GOOD / "key.pem"
    assert [notice.text for notice in read.notices if "obsolete" in notice.text] == [
        "ssl_cert_file is obsolete: read as ssl_cert = <cert.pem",
        "ssl_key_file is obsolete: read as ssl_key = <key.pem",
        "ssl_ca_file is obsolete: read as ssl_ca = <cert.pem",
    ]


@pytest.mark.parametrize(("value", "ssl"), [("yes", "no"), ("no", "yes")])
def test_ssl_disable_is_turned_round(value: str, ssl: str) -> None:
    read = loaded(f"ssl_cert = <cert.pem\nssl_key = <key.pem\nssl_disable = {value}\n")
    assert read.settings.ssl.ssl == ssl
    assert f"ssl_disable is obsolete: read as ssl = {ssl}" in [notice.text for notice in read.notices]


@pytest.mark.parametrize(
    ("value", "lowest"),
    [
        ("!SSLv3", "TLSv1"),
        ("!SSLv3 !TLSv1", "TLSv1.1"),
        ("!SSLv3 !TLSv1 !TLSv1.1", "TLSv1.2"),
        ("TLSv1.2", "TLSv1.2"),
        ("TLSv1.2, TLSv1.1", "TLSv1.1"),
        ("SSLv3 TLSv1", "TLSv1"),
    ],
)
def test_ssl_protocols(value: str, lowest: str) -> None:
    read = loaded(f"ssl = no\nssl_protocols = {value}\n")
    assert read.settings.ssl.ssl_min_protocol == lowest
    assert f"ssl_protocols is obsolete: read as ssl_min_protocol = {lowest}" in [one.text for one in read.notices]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("!SSLv2 !SSLv3", "no version is '!SSLv2'"),
        ("TLSv1.3", "no version is 'TLSv1.3'"),
        ("", "no version is ''"),
        ("!SSLv3 !TLSv1 !TLSv1.1 !TLSv1.2", "it leaves no version"),
    ],
)
def test_ssl_protocols_that_dovecot_gives_up(value: str, why: str) -> None:
    read = loaded(f"ssl = no\nssl_protocols = {value}\n")
    assert read.settings.ssl.ssl_min_protocol == "TLSv1.2"
    text = f"ssl_protocols is obsolete and has no effect, as in Dovecot 2.3, for {why}: use ssl_min_protocol"
    assert [one.text for one in read.notices if one.kind == "warning"] == [text]


@pytest.mark.parametrize(
    "name",
    [
        *("ssl_dh_parameters_length", "ssl_parameters_regenerate", "login_max_connections", "login_executable"),
        *("login_process_per_connection", "auth_user", "auth_count", "max_mail_processes", "ssl_listen"),
    ],
)
def test_what_is_no_longer_for_anything_is_ignored(name: str) -> None:
    (text,) = said(f"{name} = 1\nprotocol submission {{\n{name} = 1\n}}\n", "ignored")
    assert text == f"{name} is ignored, Dovecot 2.3 has no such setting either, or none that is for submission"


def test_sslv3_is_no_version_any_more() -> None:
    read = loaded("ssl = no\nssl_min_protocol = SSLv3\n")
    assert read.settings.ssl.ssl_min_protocol == "TLSv1"
    text = "ssl_min_protocol = SSLv3 is obsolete: read as ssl_min_protocol = TLSv1"
    assert text in [one.text for one in read.notices]


def test_ports_in_listen() -> None:
    read = loaded("ssl = no\nlisten = *:587, [::]:587, 2001:db8::587\n").settings
    assert read.server.listen == ("*", "[::]", "2001:db8::587")


def test_auth_block() -> None:
    read = loaded(
        """
        ssl = no
        auth default {
          mechanisms = plain
          verbose = yes
          user = root
          passdb passwd-file {
            args = /etc/users
          }
          userdb passwd {
          }
          socket listen {
            client {
              path = /run/x
            }
          }
        }
        """
    )
    assert read.settings.auth.auth_mechanisms == ("plain",)
    assert read.settings.auth.auth_verbose
    assert [(passdb.driver, passdb.args) for passdb in read.settings.passdbs] == [("passwd-file", "/etc/users")]
    notes = [notice.text for notice in read.notices if notice.kind == "note"]
    assert "'auth' is obsolete: its settings are read as auth_* without the block" in notes


def test_what_is_wrong_in_an_auth_block_is_an_error() -> None:
    with pytest.raises(SettingsError, match="unknown setting 'auth_mechanism', did you mean auth_mechanisms"):
        loaded("ssl = no\nauth {\n mechanism = plain\n}\n")


@pytest.mark.parametrize(
    ("value", "left", "dropped"),
    [
        ("plain login DIGEST-MD5", ("plain", "login"), "digest-md5"),
        ("plain, ntlm, gssapi", ("plain",), "gssapi, ntlm"),
        ("anonymous apop otp gss-spnego login", ("login",), "anonymous, apop, gss-spnego, otp"),
    ],
)
def test_mechanisms_of_dovecot_are_left_out(value: str, left: tuple[str, ...], dropped: str) -> None:
    read = loaded(f"ssl = no\nauth_mechanisms = {value}\n")
    assert read.settings.auth.auth_mechanisms == left
    text = f"auth_mechanisms: {dropped} is not supported yet, clients are offered the others"
    assert text in [notice.text for notice in read.notices if notice.kind == "warning"]


@pytest.mark.parametrize("value", ["digest-md5 ntlm", "plain digest-md6"])
def test_mechanisms_that_nobody_has_or_none_that_is_left(value: str) -> None:
    with pytest.raises(SettingsError, match="auth_mechanisms: Unknown mechanism: digest-md"):
        loaded(f"ssl = no\nauth_mechanisms = {value}\n")


@pytest.mark.parametrize("value", ["yes", "no", "default"])
def test_a_passdb_may_say_what_it_logs(value: str) -> None:
    read = loaded(f"ssl = no\npassdb {{\ndriver = static\nargs = password=x\nauth_verbose = {value}\n}}\n")
    assert len(read.settings.passdbs) == 1
