"""The settings of logins: what they are without a word, what they take, and what they need from each other."""

import pytest

from gsubmit.settings.declare import values
from gsubmit.settings.problem import SettingsError
from tests.harness.loading import load_text

FILE = "passdb {\ndriver = passwd-file\nargs = /x\n}\n"
IMAP = "passdb {\ndriver = imap\nargs = host=imap.example.org ssl=imaps\n}\n"
OAUTH2 = "passdb {\ndriver = oauth2\nargs = /x\n}\n"
DENY = "passdb {\ndriver = passwd-file\nargs = /x\ndeny = yes\n}\n"
MASTER = "passdb {\ndriver = passwd-file\nargs = /x\nmaster = yes\n}\n"


def value(name: str, text: str = "") -> object:
    settings = load_text(f"ssl = no\n{text}\n").settings
    return values(settings)[name]


def warnings(text: str) -> list[str]:
    return [notice.text for notice in load_text(f"ssl = no\n{text}\n").notices if notice.kind == "warning"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("login_trusted_networks", ()),
        ("auth_username_format", "%Lu"),
        ("auth_username_chars", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@"),
        ("auth_username_translation", ""),
        ("auth_default_realm", ""),
        ("auth_master_user_separator", ""),
        ("auth_ssl_require_client_cert", False),
        ("auth_ssl_username_from_cert", False),
        ("auth_allow_weak_schemes", False),
        ("auth_failure_delay", 2.0),
        ("auth_penalty", True),
        ("auth_max_failures_per_connection", 5),
        ("mail_max_userip_connections", 10),
        ("auth_cache_size", 0),
        ("auth_cache_ttl", 3600.0),
        ("auth_cache_negative_ttl", 3600.0),
        ("auth_mechanisms", ("plain", "login")),
    ],
)
def test_defaults(name: str, expected: object) -> None:
    if name == "auth_username_chars":
        assert set(str(value(name))) == set(str(expected))
    else:
        assert value(name) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "login_trusted_networks = 192.0.2.0/24, 2001:db8::/32 127.0.0.1",
            ("192.0.2.0/24", "2001:db8::/32", "127.0.0.1"),
        ),
        ("login_trusted_networks = [::1]/128 [2001:db8::]", ("::1/128", "2001:db8::")),
        ("login_trusted_networks =", ()),
        ("auth_username_format = %{user|lower}", "%{user|lower}"),
        ("auth_username_format = %n", "%n"),
        ("auth_username_chars =", ""),
        ("auth_username_translation = %@/@", "%@/@"),
        ("auth_default_realm = example.org", "example.org"),
        ("auth_penalty = no", False),
        ("auth_max_failures_per_connection = 0", 0),
        ("mail_max_userip_connections = 0", 0),
        ("mail_max_userip_connections = unlimited", 0),
        ("auth_cache_negative_ttl = 1 min", 60.0),
        ("auth_mechanisms = PLAIN scram-sha-256", ("plain", "scram-sha-256")),
    ],
)
def test_values(line: str, expected: object) -> None:
    assert value(line.partition(" ")[0], line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "login_trusted_networks = 192.0.2.0/33",
        "login_trusted_networks = 192.0.2.300",
        "login_trusted_networks = localhost",
        "login_trusted_networks = 192.0.2.0/24 everywhere",
        "auth_username_translation = abc",
        "auth_username_format = %{service}",
        "auth_username_format = %{user|reverse}",
        "auth_mechanisms = plain scram-sha-512",
        "auth_penalty = sometimes",
        "auth_max_failures_per_connection = -1",
        "mail_max_userip_connections = many",
    ],
)
def test_refused(line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        warnings(line)
    (problem,) = caught.value.problems
    assert problem.text.startswith(line.partition(" ")[0])


@pytest.mark.parametrize(
    ("passdbs", "mechanisms", "expected"),
    [
        pytest.param(FILE, "plain login", [], id="passwords"),
        pytest.param(FILE, "scram-sha-1 scram-sha-256 scram-sha-256-plus cram-md5", [], id="keys"),
        pytest.param(IMAP, "plain login", [], id="passwords of an IMAP server"),
        pytest.param(OAUTH2, "oauthbearer xoauth2", [], id="tokens"),
        pytest.param(IMAP, "plain scram-sha-256 cram-md5", ["scram-sha-256", "cram-md5"], id="keys of an IMAP server"),
        pytest.param(FILE, "plain oauthbearer xoauth2", ["oauthbearer", "xoauth2"], id="tokens of a file"),
        pytest.param(OAUTH2, "plain oauthbearer", ["plain"], id="passwords of tokens"),
        pytest.param(OAUTH2 + FILE, "plain oauthbearer scram-sha-1", [], id="both"),
        pytest.param(DENY + IMAP, "plain scram-sha-256", ["scram-sha-256"], id="a deny list has no keys"),
        pytest.param("", "plain scram-sha-256 oauthbearer", [], id="none, of which is said enough"),
        pytest.param(DENY, "plain", [], id="deny list only"),
    ],
)
def test_mechanisms_that_no_passdb_can_serve(passdbs: str, mechanisms: str, expected: list[str]) -> None:
    said = warnings(f"{passdbs}auth_mechanisms = {mechanisms}")
    assert [text.removeprefix("auth_mechanisms: ").partition(" needs a passdb")[0] for text in said] == expected


@pytest.mark.parametrize("name", ["auth_ssl_require_client_cert", "auth_ssl_username_from_cert"])
def test_certificates_that_are_not_asked_for(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} needs ssl_verify_client_cert = yes and ssl_ca"):
        warnings(f"{name} = yes")


def test_external_without_certificates() -> None:
    (said,) = warnings(f"{FILE}auth_mechanisms = plain external")
    assert said.startswith("auth_mechanisms: external needs ssl_verify_client_cert")


def test_implicit_external() -> None:
    (said,) = warnings(f"{FILE}submission_client_workarounds = implicit-auth-external")
    assert said.endswith("implicit-auth-external needs external among auth_mechanisms")


@pytest.mark.parametrize(("passdbs", "warns"), [(FILE, True), ("", True), (MASTER, False), (FILE + MASTER, False)])
def test_separator_without_masters(passdbs: str, warns: bool) -> None:
    said = warnings(f"{passdbs}auth_master_user_separator = *")
    assert [text.partition(" ")[0] for text in said] == ["auth_master_user_separator"] * warns


def test_empty_separator() -> None:
    assert warnings(f"{FILE}auth_master_user_separator =") == []


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        (DENY + FILE, False),
        (FILE + DENY, True),
        (FILE.replace("}", "result_success = continue-ok\n}") + DENY, False),
        (FILE.replace("}", "result_success = return\n}") + DENY, True),
        (MASTER + DENY + FILE, False),
        (DENY + DENY + FILE, False),
    ],
)
def test_deny_comes_first(text: str, warned: bool) -> None:
    """Dovecot's rule too: the first yes ends the search."""
    said = [warning for warning in warnings(text) if "deny = yes is too late" in warning]
    assert bool(said) is warned
