"""The plugins that are shipped; footer and webhook have tests of their own."""

from __future__ import annotations

import pytest

from gsubmit.plugins import Client, Config, Reply
from gsubmit.plugins.archive import Archive
from gsubmit.plugins.loader import class_of, installed
from gsubmit.plugins.testing import play
from gsubmit.settings.plugins import PluginSettings


def test_they_are_installed() -> None:
    assert {"footer", "archive", "webhook"} <= set(installed())
    assert class_of(PluginSettings("archive")) is Archive


@pytest.mark.parametrize(
    ("keys", "sender", "recipient", "is_kept"),
    [
        ({}, "a@example.org", "b@example.net", True),
        ({"senders": "EXAMPLE.org"}, "a@example.ORG", "b@example.net", True),
        ({"senders": "a@example.org"}, "b@example.org", "b@example.net", False),
        ({"recipients": "@example.net"}, "", "b@example.net", True),
        ({"senders": "a@example.org", "recipients": "c@example.net"}, "x@example.org", "c@example.net", True),
    ],
)
def test_archive(keys: dict[str, str], sender: str, recipient: str, is_kept: bool) -> None:
    plugin = Archive(Config.of(address="archive@example.org", **keys))
    made = play(plugin, b"Subject: a\n\n", sender=sender, recipients=[recipient])
    assert made.recipients == ((recipient, "archive@example.org") if is_kept else (recipient,))


def test_archive_needs_an_address() -> None:
    with pytest.raises(ValueError, match="address"):
        Archive(Config.of(address="no address"))


def test_no_password_is_in_what_plugins_see() -> None:
    assert "password" not in Client.__dataclass_fields__
    assert Reply(550).refuses
