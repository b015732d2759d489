"""No password and no SASL response in the log or in a rawlog, on either leg, however a login goes."""

from __future__ import annotations

import re
import socket
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.serving import serving
from tests.harness.smtpserver import Server, ehlo

RIGHT, WRONG, RELAYS = "cleAr-rigHt-9", "cleAr-wroNg-7", "cleAr-reLay-5"


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


def traces(password: str) -> Iterator[str]:
    """The password, and what base64 makes of it at each of the three places where it may begin."""
    yield password
    for before in range(3):
        encoded = b64("x" * before + password)
        yield encoded[-(-before * 4 // 3) : len(encoded) // 4 * 4 - 4]


@contextmanager
def watched(folder: Path, relay_password: str) -> Iterator[tuple[int, list[str]]]:
    """A server that writes down all it can, before a relay that asks for AUTH; its port, and what it wrote at the end."""
    (folder / "users").write_text(f"tester:{{PLAIN}}{RIGHT}\n")
    written: list[str] = []
    relay = Server({"EHLO": ehlo("AUTH PLAIN", "PIPELINING"), "AUTH PLAIN": "334 ", "default": "235 2.7.0 Yes"})
    relay.listen_on("127.0.0.1")
    settings = f"""
auth_verbose = yes
rawlog_dir = {folder}
submission_relay_rawlog_dir = {folder}
submission_relay_user = me
submission_relay_password = {relay_password}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
"""
    with serving(settings, relay.port) as server:
        yield server.port, written
    relay.stop()
    lines = [line.removeprefix("AUTH PLAIN ") for talk in relay.talks for line in talk.lines]
    assert b64(f"\0me\0{relay_password}") in lines
    written.append(server.log_text)
    written.extend(path.read_text() for pattern in ("*.in", "*.out") for path in folder.glob(pattern))


def converse(port: int, lines: Sequence[str]) -> list[str]:
    """Say the lines one at a time and hear each reply."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock, sock.makefile("rwb") as file:
        replies = []
        for line in ("", "EHLO client.example", *lines, "QUIT"):
            if line:
                file.write(line.encode() + b"\r\n")
                file.flush()
            while (reply := file.readline().decode())[3:4] == "-":
                pass
            replies.append(reply[:3])
        return replies[2:-1]


MAIL = ["MAIL FROM:<>", "RCPT TO:<b@x>", "DATA", "Subject: x\r\n\r\ntext\r\n."]
SENT = ["250", "250", "354", "250"]


@pytest.mark.parametrize("relay_password", [RELAYS, RELAYS + "x" * 400], ids=["short", "long"])
def test_logins(tmp_path: Path, relay_password: str) -> None:
    right, wrong = b64(f"\0tester\0{RIGHT}"), b64(f"\0tester\0{WRONG}")
    name = b64("tester")
    dialogs = [
        ([f"AUTH PLAIN {right}", *MAIL], ["235", *SENT]),
        (["AUTH PLAIN", right, *MAIL], ["334", "235", *SENT]),
        (["AUTH LOGIN", name, b64(RIGHT)], ["334", "334", "235"]),
        ([f"auth login {name}", b64(RIGHT)], ["334", "235"]),
        ([f"AUTH PLAIN {wrong}"], ["535"]),
        (["AUTH PLAIN", wrong], ["334", "535"]),
        (["AUTH LOGIN", name, b64(WRONG), "AUTH LOGIN", name, b64(WRONG)], ["334", "334", "535"] * 2),
        ([f"AUTH PLAIN {right}!"], ["501"]),
        ([f"AUTH PLAIN  {right}"], ["235"]),
        ([f"AUTH PLAIN {RIGHT} "], ["501"]),
        (["AUTH LOGIN", name, RIGHT], ["334", "334", "501"]),
        (["AUTH LOGIN", name, RIGHT + "é"], ["334", "334", "501"]),
        ([f"AUTH NOSUCH {right}"], ["504"]),
        ([f"AUTH PLAIN {right}\x01"], ["500"]),
        ([f"AUTH  PLAIN {right}"], ["235"]),
    ]
    with watched(tmp_path, relay_password) as (port, written):
        for lines, expected in dialogs:
            assert converse(port, lines) == expected, lines[:1]
    assert len(written) > 2 * len(dialogs)
    assert sum("Login: user=<tester>" in text for text in written) == 1
    everything = "".join(written)
    assert "AUTH PLAIN <secret>\r\n" in everything or "AUTH PLAIN <secret>\n" in everything
    for password in (RIGHT, WRONG, RELAYS):
        assert [trace for trace in traces(password) if trace in everything] == []


def test_response_to_a_refused_auth(tmp_path: Path) -> None:
    """Some clients go on with the dialog although AUTH was refused."""
    with watched(tmp_path, RELAYS) as (port, written):
        replies = converse(port, ["AUTH LOGIM", b64("tester"), b64(RIGHT)])
    assert replies == ["504", "500", "500"]
    assert [trace for trace in traces(RIGHT) if trace in "".join(written)] == []


def test_traces() -> None:
    """The test sees what it looks for."""
    for before in ("", "x", "xx", "\0tester\0", "\0me\0"):
        assert any(trace in b64(f"{before}{RIGHT}") for trace in traces(RIGHT))
    assert all(len(trace) >= 8 and re.fullmatch("[A-Za-z0-9+/-]+", trace) for trace in traces(RIGHT))
