"""No text is too strange: it is a configuration, or a SettingsError."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.settings.parse import Value, parse_text
from gsubmit.settings.problem import Report, SettingsError
from gsubmit.settings.sections import Settings
from gsubmit.settings.variables import expand
from tests.harness.loading import load_text

WORDS = [
    "passdb", "service", "submission-login", "inet_listener", "local", "local_name", "remote", "protocol", "submission",
    "!imap", "port", "ssl", "no", "required", "driver", "passwd-file", "listen", "ssl_cert", "submission_relay_port",
    "submission_logout_format", "ssl_cipher_list", "auth_failure_delay", "submission_max_mail_size", "plugin/x", "=", "{",
    "}", "\n", " ", "\t", '"', "'", "\\", "#", "$", "$listen", "$ENV:HOME", "<", "!include", "!include_try", "*", "%", "%i",
    "0", "5", "::1", "9" * 30, "secs", "\0", "\ud800", "é",
]  # fmt: skip
TEXTS = (
    st.text(max_size=60)
    | st.lists(st.sampled_from(WORDS), max_size=30).map("".join)
    | st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_any_text(text: str) -> None:
    with contextlib.suppress(SettingsError):
        assert isinstance(load_text(text, Path("/nowhere/x.conf")).settings, Settings)


def test_include_of_what_no_file_can_be_called() -> None:
    with pytest.raises(SettingsError, match="no file has such a name"):
        load_text("!include \ud800 plugin/x *", Path("/nowhere/x.conf"))


def test_variable_that_cannot_be_called_so() -> None:
    with pytest.raises(SettingsError, match="there is no variable"):
        load_text("listen = $ENV:HOME\ud800", Path("/nowhere/x.conf"))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["listen", "ssl_cert", "log_path", "submission_logout_format", "ssl_cipher_list"]), TEXTS)
def test_any_value(name: str, value: str) -> None:
    with contextlib.suppress(SettingsError):
        load_text(f"ssl = no\n{name} = {value}", Path("/nowhere/x.conf"))


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_any_template(template: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(expand(template, {"i": "1"}), str)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), max_size=40))
def test_quoted_value_round_trip(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    report = Report()
    root = parse_text(f'a = "{quoted}"', Path("x"), lambda name: None, report)
    entry = next(iter(root.entries), None)
    if report.problems:
        assert "\0" in value
    else:
        assert isinstance(entry, Value)
        assert entry.text == value
