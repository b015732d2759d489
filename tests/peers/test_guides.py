"""The guides, followed with real servers."""

from __future__ import annotations

import re
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.config.test_guides import blocks
from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_message import small_message
from tests.harness.peer_postfix import Postfix, postfix
from tests.harness.peer_process import eventually, program

GUIDES = ROOT / "docs" / "guides"
_LISTENER = re.compile(r"^127\.0\.0\.1:(\d+) inet n - y - - smtpd$", re.MULTILINE)
_OPTION = re.compile(r"^  -o (\w+)=(.*)$", re.MULTILINE)


def _accepted(relay: Postfix, seen: int) -> list[str]:
    return [line for line in relay.log[seen:].splitlines() if ": client=" in line]


def test_postfix_knows_the_user_and_lets_him_relay() -> None:
    """Also where the trap of XCLIENT is: the client's own network may not relay, and gsubmit's may."""
    guide = GUIDES / "before-postfix.md"
    with_xclient, without = blocks(guide, "master.cf")
    servers = {}
    for text in (with_xclient, without):
        found = _LISTENER.search(text)
        assert found is not None
        servers[found[1]] = {"mynetworks": "127.0.0.1", "virtual_mailbox_domains": ""} | dict(_OPTION.findall(text))
    outside = {"default_transport": "discard", "relay_domains": ""}
    with postfix({name: options | outside for name, options in servers.items()}) as relay:
        for text, sees in zip(blocks(guide, "gsubmit"), ("127.0.0.5", "127.0.0.1"), strict=True):
            port = re.findall(r"submission_relay_port = (\d+)", text)[0]
            settings = text.replace(port, str(relay.ports[port])).replace("submission_relay_host = 127.0.0.1\n", "")
            seen = len(relay.log)
            with (
                gsubmit(relay.ports[port], settings) as server,
                Client(
                    server, tls=True, user="user@example.org", name="alice.example.org", address="127.0.0.5"
                ) as client,
            ):
                assert client.begin("somebody@elsewhere.example")[0] == 250
                assert client.data(small_message("guide"))[0] == 250, server.log
            lines = eventually("the message", partial(_accepted, relay, seen))
            (accepted,) = lines
            assert f"[{sees}]" in accepted
            assert ("sasl_username=user@example.org" in accepted) == (sees == "127.0.0.5")


@pytest.mark.parametrize(
    ("path", "text"),
    [(path, text) for path in sorted(GUIDES.glob("*.md")) for text in blocks(path, "dovecot")],
    ids=lambda value: value.stem if isinstance(value, Path) else "",
)
def test_dovecot_takes_it(path: Path, text: str, tmp_path: Path) -> None:
    configuration = tmp_path / "dovecot.conf"
    configuration.write_text(text.replace("group = gsubmit", "group = mail"))
    checked = subprocess.run(
        [program("doveconf"), "-c", configuration, "-n"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
