"""The IMAP servers of BURL: what can be done with each, and how they are shown."""

from __future__ import annotations

import pytest

from gsubmit.settings.burl import ImapServerSettings
from gsubmit.settings.hosts import canonical
from gsubmit.settings.load import Loaded
from gsubmit.settings.show import blocks, changed
from tests.harness.loading import load_text

BLOCKS = """
imap_urlauth_host = imap.example.org
imap_urlauth_ssl = imaps
imap_urlauth_port = 993
imap_urlauth_submit_password = hunter2
imap_urlauth_access = submit authuser
imap_urlauth_server second {
  host = "imap2.example.org"
  ssl = starttls
  ssl_verify = no
  method = owner
  master_user = "the proxy"
  master_password = hunter2
}
imap_urlauth_server third {
  host = ::1
  port = 1143
  forward_credentials = yes
}
"""


def loaded(text: str) -> Loaded:
    return load_text("ssl = no\nhostname = msa.example.org\n" + text)


def server(text: str) -> ImapServerSettings:
    return loaded(f"imap_urlauth_server x {{\nhost = localhost\n{text}\n}}").settings.burl.servers[0]


def test_no_server() -> None:
    assert loaded("").settings.burl.servers == ()
    assert loaded("imap_urlauth_submit_password = x").settings.burl.servers == ()


def test_all_servers() -> None:
    servers = loaded(BLOCKS).settings.burl.servers
    assert [(one.name, one.host, one.port, one.ssl) for one in servers] == [
        ("", "imap.example.org", 993, "imaps"),
        ("second", "imap2.example.org", 143, "starttls"),
        ("third", "::1", 1143, "no"),
    ]
    assert servers[1].submit_password == "", "nothing is taken over from outside"


@pytest.mark.parametrize(
    ("text", "can"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("submit_password = x", "submit", id="submit"),
        pytest.param('submit_password = x\nsubmit_user = ""', "", id="nobody"),
        pytest.param("master_user = m\nmaster_password = x", "master", id="master"),
        pytest.param("forward_credentials = yes", "forward", id="forward"),
        pytest.param("submit_password = x\nforward_credentials = yes", "submit forward", id="both"),
        pytest.param("submit_password = x\nforward_credentials = yes\nmethod = owner", "forward", id="owner"),
        pytest.param("submit_password = x\nforward_credentials = yes\nmethod = urlfetch", "submit", id="urlfetch"),
    ],
)
def test_what_can_be_done(text: str, can: str) -> None:
    one = server(text)
    found = {"submit": one.has_submit, "master": one.has_master, "forward": one.forwards}
    assert " ".join(name for name, is_so in found.items() if is_so) == can
    assert one.is_useful == bool(can)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("ssl = starttls", ""),
        ("ssl = starttls\nssl_verify = no", "ssl_verify = no lets anybody between here and imap.example.org read the"),
        ("ssl = imaps\nssl_verify = no", "ssl_verify = no lets anybody"),
        ("cleartext = yes\nssl_verify = no", ""),
        ("host = localhost\nssl = imaps\nssl_verify = no", ""),
        ("ssl = imaps\nforward_credentials = yes", ""),
        ("ssl = imaps\nforward_credentials = yes\nmethod = urlfetch", "forward_credentials has no effect with method"),
        ("ssl = imaps\nmaster_user = m\nmaster_password = x\nmethod = urlfetch", "master_user has no effect with"),
        ("ssl = imaps\nforward_credentials = yes\nmethod = owner", "submit_password has no effect with method = owner"),
    ],
)
def test_warnings(text: str, warning: str) -> None:
    host = "" if "host =" in text else "host = imap.example.org\n"
    found = loaded(f"imap_urlauth_server x {{\n{host}submit_password = x\n{text}\n}}")
    notices = [notice.text for notice in found.notices if notice.kind == "warning"]
    assert [warning in notice for notice in notices] == ([True] if warning else [])


def test_a_server_of_no_use_is_a_warning() -> None:
    notices = [str(notice) for notice in loaded("imap_urlauth_host = imap.example.org").notices]
    words = (
        "no password is set for imap.example.org, so BURL does not take its URLs; set imap_urlauth_master_user and its"
    )
    assert any(words in notice for notice in notices)


@pytest.mark.parametrize(
    ("host", "ssl", "shows"),
    [
        pytest.param("imap.example.org", "no", True, id="another machine"),
        pytest.param("192.0.2.1", "no", True, id="an address"),
        pytest.param("127.1.2.3", "no", False, id="loopback"),
        pytest.param("::1", "no", False, id="loopback of IPv6"),
        pytest.param("LocalHost", "no", False, id="localhost"),
        pytest.param("localhost.example.org", "no", True, id="like localhost"),
        pytest.param("192.0.2.1", "starttls", False, id="STARTTLS"),
        pytest.param("192.0.2.1", "imaps", False, id="imaps"),
    ],
)
def test_passwords_in_clear_text(host: str, ssl: str, shows: bool) -> None:
    assert ImapServerSettings(host=host, ssl=ssl).shows_passwords is shows
    assert not ImapServerSettings(host=host, ssl=ssl, cleartext=True).shows_passwords


@pytest.mark.parametrize(
    ("host", "same"),
    [
        ("IMAP.example.org", "imap.example.org"),
        ("imap.example.org.", "imap.example.org"),
        ("[::1]", "::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_the_same_host(host: str, same: str) -> None:
    """BURL-22: exact match, in whatever form the host is written."""
    assert canonical(host) == canonical(same) == same


def test_shown_without_secrets() -> None:
    settings = loaded(BLOCKS).settings
    assert dict(changed(settings))["imap_urlauth_submit_password"] == "<hidden>"
    assert blocks(settings) == [
        "imap_urlauth_server second {",
        "  host = imap2.example.org",
        "  ssl = starttls",
        "  ssl_verify = no",
        "  method = owner",
        "  master_user = the proxy",
        "  master_password = <hidden>",
        "}",
        "imap_urlauth_server third {",
        "  host = ::1",
        "  port = 1143",
        "  forward_credentials = yes",
        "}",
    ]


def test_what_is_shown_can_be_read_again() -> None:
    settings = loaded(BLOCKS).settings
    lines = [f"{name} = {value}" for name, value in changed(settings)] + blocks(settings)
    again = load_text("\n".join(lines).replace("<hidden>", "hunter2")).settings
    assert again.burl.servers == settings.burl.servers
    assert again.burl == settings.burl
    assert "hunter2" not in repr(settings)
