from pathlib import Path

import pytest

from gsubmit.settings.declare import members
from gsubmit.settings.sections import Settings
from gsubmit.settings.show import blocks, changed
from tests.harness.loading import load, load_text

GOOD = Path(__file__).parents[2] / "config" / "good"


def test_nothing_differs() -> None:
    settings = load_text("ssl = no\nhostname =\nsubmission_relay_port = 25\n").settings
    assert changed(settings) == [("ssl", "no")]
    assert blocks(settings) == []


def test_changed() -> None:
    text = """
        ssl = no
        hostname = mail.example.org
        listen = 192.0.2.1 ::1
        login_greeting = "hello # you "
        submission_max_mail_size = 1G
        submission_relay_ssl_verify = no
        submission_relay_password = hunter2
        auth_failure_delay = 500ms
    """
    assert changed(load_text(text).settings) == [
        ("hostname", "mail.example.org"),
        ("listen", "192.0.2.1, ::1"),
        ("login_greeting", '"hello # you "'),
        ("submission_max_mail_size", "1G"),
        ("submission_relay_ssl_verify", "no"),
        ("submission_relay_password", "<hidden>"),
        ("ssl", "no"),
        ("auth_failure_delay", "500 ms"),
    ]


@pytest.mark.parametrize("name", ["least.conf", "all-in-one.conf", "language.conf"])
def test_what_is_shown_gives_the_same_settings(name: str) -> None:
    settings = load(GOOD / name).settings
    lines = [f"{name} = {value}" for name, value in changed(settings)] + blocks(settings)
    lines = [line for line in lines if "<hidden>" not in line]
    text = "\n".join([*lines, f"ssl_key = <{GOOD}/key.pem", "submission_relay_password = x"])
    again = load_text(text).settings
    for attribute, _ in members(Settings):
        if attribute != "relay":
            assert getattr(again, attribute) == getattr(settings, attribute)
    assert sorted(again.services.inet_listeners, key=str) == sorted(settings.services.inet_listeners, key=str)
    assert [one.args for one in again.passdbs] == [one.args for one in settings.passdbs]
    assert [one.names for one in again.local_names] == [one.names for one in settings.local_names]


def test_keys_are_hidden() -> None:
    settings = load(GOOD / "language.conf").settings
    assert ("ssl_key", "<hidden>") in changed(settings)
    assert "  ssl_key_password = <hidden>" in blocks(settings)


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("args = proxy=y host=mx pass=sEcret nopassword=y", "args = proxy=y host=mx pass=<hidden> nopassword=y"),
        ("args = password={PLAIN}sEcret user=x", "args = password=<hidden> user=x"),
        ("args = nopassword=y\ndefault_fields = pass=sEcret", "default_fields = pass=<hidden>"),
        *(
            (
                f"args = nopassword=y\ndefault_fields = a=b {name}=sEcret x=y",
                f"default_fields = a=b {name}=<hidden> x=y",
            )
            for name in (
                *(
                    "secret",
                    "PASS",
                    "Password",
                    "master_password",
                    "userdb_pass",
                    "userdb_master_pass",
                    "passwd",
                    "pwd",
                ),
                *("client_secret", "token", "access_token", "api_key", "apikey", "private-key", "pin", "userdb_pw"),
                *("my.secret.2", "forward_token", "bearer", "session_cookie", "credentials"),
            )
        ),
        ("args = nopassword=y pass={PLAIN}a=b{c", "args = nopassword=y pass=<hidden>"),
        ("args = nopassword=y url=https://me:sEcret@h/x", "args = nopassword=y url=https://me:<hidden>@h/x"),
        (
            "args = user=keith allow_nets=::1,10.0.0.0/8 nopassword=y",
            "args = user=keith allow_nets=::1,10.0.0.0/8 nopassword=y",
        ),
        (
            "args = nopassword=y\noverride_fields = pass:default=sEcret x=y",
            "override_fields = pass:default=<hidden> x=y",
        ),
    ],
)
def test_passwords_of_passdbs_are_hidden(setting: str, shown: str) -> None:
    """A login proxy's master password stands among the extra fields."""
    text = "\n".join(blocks(load_text(f"ssl = no\npassdb {{\ndriver = static\n{setting}\n}}\n").settings))
    assert shown in text
    assert "sEcret" not in text
