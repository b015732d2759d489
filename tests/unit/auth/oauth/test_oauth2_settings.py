"""The settings file of oauth2: what it may say, and what is said about it."""

from __future__ import annotations

import logging
import re
import ssl
from pathlib import Path

import pytest

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.oauth import settings as oauth2settings
from gsubmit.auth.oauth.endpoint import Endpoint
from gsubmit.auth.oauth.settings import OAuth2Settings
from gsubmit.auth.passdbs.oauth2 import OAuth2
from gsubmit.sasl.claims import Token
from tests.harness.oauth import ca_file, certificates

URL = "introspection_url = https://auth.example.org/introspect\n"


def read(folder: Path, text: str) -> OAuth2Settings:
    path = folder / "oauth2.conf"
    path.write_text(text)
    return oauth2settings.read(str(path), {"user", "remote_ip"})


def test_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, f"# a comment\n\n{URL}")
    assert settings.introspection_url == Endpoint(True, "auth.example.org", 443, "/introspect")
    assert (settings.demands.username_attribute, settings.demands.username_format) == ("email", "%Lu")
    assert settings.timeout_msecs == oauth2settings.DEFAULT_TIMEOUT
    assert not settings.is_local
    assert settings.context.verify_mode == ssl.CERT_REQUIRED
    assert settings.context.check_hostname


def test_everything(tmp_path: Path) -> None:
    certificates().server.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    text = f"""
introspection_mode = post
introspection_url = https://auth.example.org:8443/introspect?a=b # a comment
tokeninfo_url = https://auth.example.org/info?token=
force_introspection = yes
client_id = gsubmit
client_secret = "a # b"
username_attribute = preferred_username
username_format = %Ln
active_attribute = enabled
active_value = yes
scope = mail.send \\
  mail.read
issuers = https://a.example.org https://b.example.org
audience = mail
openid_configuration_url = https://auth.example.org/.well-known/openid-configuration
tls_ca_cert_file = {ca_file(tmp_path)}
tls_cert_file = {tmp_path}/client.pem
tls_allow_invalid_cert = no
use_grant_password = no
timeout_msecs = 2500
pass_attrs = host=%{{oauth2:host}} ip=%{{remote_ip}}
"""
    settings = read(tmp_path, text)
    assert str(settings.introspection_url) == "https://auth.example.org:8443/introspect"
    assert settings.introspection_url and settings.introspection_url.query == "?a=b"
    assert settings.client_secret == "a # b"
    assert settings.demands.scope == {"mail.send", "mail.read"}
    assert settings.timeout_msecs == 2500
    assert settings.attributes == {"oauth2:host"}
    assert "a # b" not in repr(settings)


def test_empty_values_and_later_lines(tmp_path: Path) -> None:
    settings = read(tmp_path, f"{URL}client_id = one\nclient_id = two\nactive_attribute =\ntimeout_msecs = 0\n")
    assert settings.client_id == "two"
    assert settings.timeout_msecs == oauth2settings.DEFAULT_TIMEOUT
    assert read(tmp_path, f"{URL}client_id = one\nclient_id =\n").client_id == ""


@pytest.mark.parametrize(
    ("text", "is_local"),
    [
        (URL, False),
        ("tokeninfo_url = https://a.example/?t=", False),
        ("introspection_mode = local\njwks_url = https://a.example/jwks", True),
        ("jwks_url = https://a.example/jwks", True),
        ("local_validation_key_dict = fs:posix:prefix=/etc/keys/", True),
        ("introspection_mode = local\nopenid_configuration_url = https://a.example/conf", True),
        (f"{URL}introspection_mode = local\njwks_url = http://[::1]:8080/jwks", True),
        (f"{URL}jwks_url = http://127.0.0.1/jwks", False),
    ],
)
def test_mode(tmp_path: Path, text: str, is_local: bool) -> None:
    assert read(tmp_path, text).is_local is is_local


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 0, "nothing to verify tokens with"),
        ("introspection_mode = local", 1, "nothing to verify tokens with"),
        ("\nintrospection_mode = post", 2, "introspection_mode = post needs an introspection_url"),
        (URL + "introspection_mode = put", 2, "introspection_mode: expected auth, get, post or local, not 'put'"),
        (URL + "introspect_url = x", 2, "unknown setting 'introspect_url', did you mean introspection_url?"),
        (URL + "nonsense = x", 2, "unknown setting 'nonsense'"),
        (URL + "nonsense", 2, "expected 'name = value'"),
        (URL + "oauth2 {\n}", 2, "expected 'name = value'"),
        (URL + "!include x", 2, "expected 'name = value'"),
        ("introspection_url = http://auth.example.org/", 1, "introspection_url: http without TLS is for loopback"),
        ("jwks_url = http://10.0.0.1/", 1, "jwks_url: http without TLS is for loopback"),
        ("jwks_url = http://localhost.example.org/", 1, "jwks_url: http without TLS is for loopback"),
        ("jwks_url = ftp://localhost/", 1, "jwks_url: expected https://HOST/PATH"),
        ("jwks_url = https:///x", 1, "jwks_url: expected https://HOST/PATH"),
        ("jwks_url = https://a:b:c/", 1, "jwks_url: not a URL"),
        ("jwks_url = https://[::1/", 1, "jwks_url: not a URL"),
        ('jwks_url = "https://a.example/#"', 1, "jwks_url: a URL of a server has no fragment"),
        ("jwks_url = https://a.example/ä", 1, "jwks_url: not a URL: blanks, control"),
        (URL + "tls_allow_invalid_cert = yes", 2, "tls_allow_invalid_cert: is not supported"),
        (URL + "use_grant_password = yes", 2, "use_grant_password: is not supported"),
        (URL + "force_introspection = perhaps", 2, "force_introspection: expected yes or no"),
        (URL + "tls_ca_cert_file = /nonexistent", 2, "cannot use the CA certificates in /nonexistent: "),
        (URL + "tls_cert_file = /nonexistent", 2, "cannot use the certificate and key: no such file"),
        (URL + "tls_key_file = /nonexistent", 2, "tls_key_file without tls_cert_file"),
        (URL + "timeout_msecs = 5 secs", 2, "timeout_msecs: expected milliseconds"),
        (URL + "timeout_msecs = 600001", 2, "timeout_msecs: expected milliseconds"),
        (URL + "username_format = %x", 2, "username_format: unknown variable %{x}"),
        (URL + "pass_attrs = host=%{oauth:host}", 2, "pass_attrs: unknown variable %{oauth:host}"),
        (URL + "client_secret = x", 2, "client_secret without client_id"),
        (URL + "active_value = x", 2, "active_value without active_attribute"),
        ("local_validation_key_dict = file:/etc/keys", 1, "local_validation_key_dict: expected fs:posix:prefix="),
        ("local_validation_key_dict = fs:posix:prefix=keys", 1, "local_validation_key_dict: expected fs:posix:prefix="),
    ],
)
def test_problems(tmp_path: Path, text: str, line: int, problem: str) -> None:
    with pytest.raises(ValueError, match="oauth2") as failed:
        read(tmp_path, text)
    place = f"{tmp_path}/oauth2.conf:{line}: " if line else f"{tmp_path}/oauth2.conf: "
    assert str(failed.value).startswith(place + problem)


def test_all_problems_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r":1: unknown .*; .*:2: timeout_msecs: "):
        read(tmp_path, "x = y\ntimeout_msecs = z")


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (URL + "debug = yes", "2: debug has no effect here"),
        (URL + "rawlog_dir = /tmp", "2: rawlog_dir has no effect here"),
        (URL + "jwks_url = https://a.example/", "2: jwks_url has no effect without introspection_mode = local"),
        (
            URL + "jwks_url = https://a.example/\nintrospection_mode = local",
            "1: introspection_url has no effect with introspection_mode = local",
        ),
        (URL + "client_id = a#b", "2: '#' starts a comment here"),
    ],
)
def test_warnings(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, warning: str) -> None:
    with caplog.at_level(logging.WARNING):
        read(tmp_path, text)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{tmp_path}/oauth2.conf:{warning}")


def from_args(args: str) -> OAuth2:
    return OAuth2.from_args(args, Means(VerifiedCache(0, 0)))


def test_from_args(tmp_path: Path) -> None:
    path = tmp_path / "oauth2.conf"
    with pytest.raises(ValueError, match=r"oauth2\.conf: cannot be read: no such file"):
        from_args(str(path))
    with pytest.raises(ValueError, match="args must be the absolute path"):
        from_args("oauth2.conf")
    path.write_bytes(b"client_id = \xff")
    with pytest.raises(ValueError, match="cannot be read: not UTF-8 text"):
        from_args(str(path))
    path.write_text(URL)
    driver = from_args(f" {path} ")
    assert str(driver) == f"oauth2 {path}"
    assert driver.serves == (Token,)


ROOT = Path(__file__).parents[4]
EXAMPLE = (ROOT / "conf.d" / "oauth2.conf.example").read_text()
MAN_PAGE = (ROOT / "man" / "gsubmit-oauth2.5").read_text()


def test_the_example_sets_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to verify tokens with"):
        read(tmp_path, EXAMPLE)


def test_the_example_shows_every_setting(tmp_path: Path) -> None:
    lines = [line[1:] for line in EXAMPLE.splitlines() if re.match("#[a-z]", line)]
    assert {line.split()[0] for line in lines} == oauth2settings.SETTINGS.keys()
    ca_file(tmp_path)
    certificates().server.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    text = "\n".join(lines).replace("/etc/ssl/certs/ca-certificates.crt", f"{tmp_path}/ca.pem")
    text = text.replace("/etc/gsubmit/client.pem", f"{tmp_path}/client.pem")
    assert read(tmp_path, text.replace("/etc/gsubmit/client.key", f"{tmp_path}/client.pem")).is_local


@pytest.mark.parametrize("name", sorted(oauth2settings.SETTINGS))
def test_the_man_page_explains(name: str) -> None:
    assert re.search(rf"\b{name}\b", MAN_PAGE)
