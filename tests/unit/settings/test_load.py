import dataclasses
from pathlib import Path

import pytest

from gsubmit.settings.declare import members
from gsubmit.settings.problem import SettingsError
from gsubmit.settings.sections import Settings
from tests.harness.loading import load, load_text


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_text(text)
    return [problem.text for problem in caught.value.problems]


def notices(text: str, kind: str) -> list[str]:
    return [notice.text for notice in load_text(f"ssl = no\n{text}").notices if notice.kind == kind]


def test_defaults() -> None:
    settings = load_text("ssl = no\n").settings
    assert settings.relay.port == 25
    assert settings.submission.submission_max_mail_size == 0
    assert settings.server.hostname


def test_settings_without_any_file() -> None:
    assert Settings().server.hostname == load_text("ssl = no\n").settings.server.hostname


@pytest.mark.parametrize("section", [field for field, _ in members(Settings)])
def test_sections_are_frozen(section: str) -> None:
    value = getattr(Settings(), section)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)


def test_secrets_are_not_in_the_repr() -> None:
    pem = "-----BEGIN KEY----- hunter2 -----END KEY-----"
    text = f"submission_relay_password = hunter2\nssl_key_password = hunter2\nssl_cert = -----BEGIN X-----\nssl_key = {pem}"
    settings = load_text(text).settings
    assert settings.relay.login.password == "hunter2"
    assert "hunter2" not in repr(settings)


def test_error_is_one_line_for_each_problem() -> None:
    with pytest.raises(SettingsError) as caught:
        load_text("ssl = no\nfoo = 1\nbar = 2\n", Path("/etc/x.conf"))
    assert str(caught.value) == "/etc/x.conf:2: unknown setting 'foo'\n/etc/x.conf:3: unknown setting 'bar'"


def test_missing_file() -> None:
    with pytest.raises(SettingsError, match=r"^nowhere.conf: cannot be read: no such file or directory$"):
        load(Path("nowhere.conf"))


def test_value_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    text = "ssl = no\nsubmission_relay_password = <password\nsubmission_relay_port = <password\n"
    with pytest.raises(SettingsError) as caught:
        load_text(text, tmp_path / "x.conf")
    assert "hunter2" not in str(caught.value)
    loaded = load_text("\n".join(text.splitlines()[:2]), tmp_path / "x.conf")
    assert loaded.settings.relay.login.password == "hunter2"


def test_protocol_block_wins_even_over_what_follows() -> None:
    settings = load_text("protocol submission {\n ssl = no\n}\nssl = required\n").settings
    assert settings.ssl.ssl == "no"


def test_protocol_block_may_hold_a_passdb() -> None:
    text = "ssl = no\nprotocol submission {\n passdb {\n driver = passwd-file\n args = /x\n }\n}\n"
    assert [passdb.args for passdb in load_text(text).settings.passdbs] == ["/x"]


@pytest.mark.parametrize(
    "text",
    [
        "mail_location = maildir:~/Maildir",
        "protocols = imap",
        "imap_capability = x",
        "pop3_no_such_thing = x",
        "sieve_anything = x",
        "ssl_dh = </nowhere/dh.pem",
        "plugin/sieve = x",
        "userdb {\n driver = passwd\n anything = 1\n}",
        "namespace inbox {\n mailbox x {\n }\n}",
        "service imap {\n vsz_limit = 1\n unix_listener x {\n }\n}",
        "protocol lda {\n foo = 1\n}",
        "metric x {\n}",
    ],
)
def test_ignored(text: str) -> None:
    (said,) = notices(text, "ignored")
    assert "is ignored, " in said


def test_ignored_only_once() -> None:
    assert len(notices("mail_uid = 1\nmail_uid = 2\nplugin {\n}\nplugin {\n}\n", "ignored")) == 2


@pytest.mark.parametrize(
    ("text", "warns"),
    [
        ("submission_relay_trusted = yes", False),
        ("login_trusted_networks = 192.0.2.0/24", False),
        ("imap_urlauth_port = 143", False),
        ("imap_urlauth_host = imap.example.org", True),
        ("auth_username_format = %Lu", False),
        ("auth_username_format = %Ln", False),
        ("haproxy_timeout = 10 secs", False),
        ("mail_max_userip_connections = 0", False),
        ("submission_client_workarounds = exotic-backend", False),
        ("submission_client_workarounds = mailbox-for-path", False),
        ("submission_client_workarounds = odd-domain lone-lf", False),
        ("remote 192.0.2.1 {\n disable_plaintext_auth = no\n}", True),
        ("local_name a {\n login_greeting = x\n}", True),
        ("local 192.0.2.1 {\n local_name a {\n ssl_cert = x\n }\n}", True),
    ],
)
def test_warning(text: str, warns: bool) -> None:
    assert len(notices(text, "warning")) == warns


PEM = "-----BEGIN CERTIFICATE----- QQ== -----END CERTIFICATE-----"
CRL = "-----BEGIN X509 CRL----- QQ== -----END X509 CRL-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("auth_mechanisms = external\nssl_require_crl = no", [], id="all well"),
        pytest.param("auth_ssl_username_from_cert = yes\nssl_require_crl = no", [], id="used for passwords"),
        pytest.param("auth_mechanisms = external", ["ssl_ca holds no CRL: "], id="no CRL"),
        pytest.param(f"auth_mechanisms = external\nssl_ca = {CRL} {PEM}", [], id="CRL"),
        pytest.param("ssl_require_crl = no", ["clients are asked for certificates that nothing uses"], id="no use"),
    ],
)
def test_notes_on_client_certificates(text: str, expected: list[str]) -> None:
    said = notices(f"ssl_verify_client_cert = yes\nssl_ca = {PEM}\n{text}\n", "note")
    about = [line for line in said if "certificate" in line]
    assert len(about) == len(expected)
    assert all(line.startswith(start) for line, start in zip(about, expected, strict=True))


def test_block_with_own_certificate_has_no_second_one_of_the_server() -> None:
    keys = f"ssl_cert = {PEM}\nssl_key = {PEM}\nssl_alt_cert = {PEM}\nssl_alt_key = {PEM}\n"
    blocks = (
        f"local_name a {{\nssl_cert = {PEM}\n}}\nlocal_name b {{\nssl_key_password = x\n}}\nlocal_name c {{\n{keys}}}"
    )
    own, shared, both = load_text(f"{keys}{blocks}\n").settings.local_names
    assert (own.ssl_alt_cert, own.ssl_alt_key) == ("", "")
    assert shared.ssl_alt_cert
    assert both.ssl_alt_cert


@pytest.mark.parametrize(
    ("name", "known"),
    [
        *[(name, True) for name in ("commonName", "CN", "UID", "userId", "emailAddress", "2.5.4.3")],
        *[(name, True) for name in ("x500UniqueIdentifier", "serialNumber")],
        *[(name, False) for name in ("", "cn", "common name", "1.2.3.4.5")],
    ],
)
def test_field_of_names(name: str, known: bool) -> None:
    if known:
        assert load_text(f"ssl = no\nssl_cert_username_field = {name}\n").settings.ssl.ssl_cert_username_field == name
    else:
        assert "X.509" in problems(f"ssl = no\nssl_cert_username_field = {name}\n")[0]


@pytest.mark.parametrize(
    "text",
    [
        "auth_ssl_require_client_cert = no",
        "auth_policy_server_url =",
    ],
)
def test_unsafe_ones_may_be_off(text: str) -> None:
    assert not notices(text, "warning")


@pytest.mark.parametrize(
    "text",
    [
        "local_name a {\n ssl_verify_client_cert = yes\n}",
        "local 192.0.2.1 {\n ssl_require_crl = yes\n}",
        "login_access_sockets = tcpwrap",
        "remote 192.0.2.1 {\n disable_plaintext_auth = yes\n}",
        "local_name a {\n ssl = required\n}",
    ],
)
def test_unsafe_to_ignore(text: str) -> None:
    (said,) = problems(f"ssl = no\n{text}\n")
    assert "not supported yet, and to go on without it would be unsafe" in said


def test_a_dollar_sign_without_a_setting_stays() -> None:
    """As in Dovecot, where passwords begin so; the warning does not show the word."""
    loaded = load_text("ssl = no\nsubmission_relay_password = $ecret\nlogin_greeting = for $5 only\n")
    assert loaded.settings.relay.login.password == "$ecret"
    assert loaded.settings.server.login_greeting == "for $5 only"
    said = [notice.text for notice in loaded.notices if notice.kind == "warning"]
    assert said == ["no setting has the name after '$', so the word stays as it is; in quotes it would be meant so"]


def test_tls_that_is_required_wins_over_passwords_without_it() -> None:
    text = "ssl = required\nssl_cert = -----BEGIN X-----\nssl_key = -----BEGIN X-----\ndisable_plaintext_auth = no\n"
    warnings = [notice.text for notice in load_text(text).notices if notice.kind == "warning"]
    assert warnings == ["disable_plaintext_auth = no has no effect with ssl = required: nobody logs in without TLS"]
