"""The server for copies in Sent: what it takes from the first server of BURL."""

from __future__ import annotations

import pytest

from gsubmit.settings.sent import SentServerSettings
from tests.harness.loading import load_text

BURL = """
imap_urlauth_host = imap.example.org
imap_urlauth_port = 993
imap_urlauth_ssl = imaps
imap_urlauth_master_user = proxy
imap_urlauth_master_password = hunter2
"""


def server(text: str) -> SentServerSettings | None:
    return load_text(f"ssl = no\nhostname = msa.example.org\n{text}").settings.sent.server


@pytest.mark.parametrize("text", ["", BURL, BURL + "submission_sent_copy = no\n"])
def test_there_is_none_by_default(text: str) -> None:
    assert server(text) is None


def test_that_of_burl() -> None:
    found = server(f"{BURL}submission_sent_copy = yes\nsubmission_sent_retry_dir = /x\n")
    assert found == SentServerSettings("imap.example.org", 993, "imaps", True, "proxy", "hunter2", False, False)


def test_values_of_its_own() -> None:
    found = server(f"{BURL}submission_sent_copy = yes\nimap_master_user = other\nimap_master_password = x\n")
    assert found == SentServerSettings("imap.example.org", 993, "imaps", True, "other", "x", False, False)


def test_another_server_gets_no_password_of_burls() -> None:
    found = server(f"{BURL}imap_host = localhost\nimap_forward_credentials = yes\n")
    assert found == SentServerSettings("localhost", forward_credentials=True)


def test_passwords_are_not_shown() -> None:
    assert "hunter2" not in repr(load_text(f"ssl = no\n{BURL}submission_sent_copy = yes\n").settings)
