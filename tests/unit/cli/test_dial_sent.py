"""check-config --dial, the server for copies in Sent."""

from __future__ import annotations

import pytest
from gsubmit_cli.dial import Unusable
from gsubmit_cli.dial_sent import dial_sent
from gsubmit_cli.summary import summary

from gsubmit.settings.sections import Settings
from tests.harness.loading import load_text
from tests.unit.burl.imapserver import imap_server

MASTER = "imap_master_user = proxy\nimap_master_password = s3cret\n"


def settings(port: int, login: str = MASTER) -> Settings:
    server = f"imap_host = 127.0.0.1\nimap_port = {port}\n{login}"
    return load_text(f"ssl = no\nhostname = msa.example.org\nsubmission_sent_copy = yes\n{server}").settings


def test_a_server_that_marks_nothing() -> None:
    with imap_server() as server:
        lines = list(dial_sent(settings(server.port), "joe"))
    assert lines == [
        f"127.0.0.1:{server.port}: logged in as proxy for joe",
        "Sent is the mailbox, for none is marked as Sent",
        "warning: no UIDPLUS, so that no copy is taken back when the client stores one as well",
    ]


def test_a_server_that_refuses() -> None:
    script = ("> TAG AUTHENTICATE *", "< TAG NO [AUTHORIZATIONFAILED] no")
    capability = ("< * OK ready", "> TAG CAPABILITY", "< * CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR", "< TAG OK done")
    with imap_server(*capability, *script) as server, pytest.raises(Unusable, match="AUTHORIZATIONFAILED"):
        list(dial_sent(settings(server.port), "joe"))


@pytest.mark.parametrize(("login", "user"), [(MASTER, ""), ("imap_forward_credentials = yes\n", "joe")])
def test_nobody_to_log_in_for(login: str, user: str) -> None:
    (line,) = dial_sent(settings(1, login), user)
    assert "is not tried" in line


def test_the_summary() -> None:
    assert summary(settings(143))["Sent"] == ["127.0.0.1 port 143, no TLS, proxy logs in for users"]
