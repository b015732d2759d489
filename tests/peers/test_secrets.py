"""No password in anything that a server writes: log, rawlogs of clients, rawlogs of the relay."""

from __future__ import annotations

import smtplib
import ssl
from base64 import b64encode
from pathlib import Path

from tests.harness.peer_bdat import Client
from tests.harness.peer_clients import swaks
from tests.harness.peer_gsubmit import PASSWORD, USER, Gsubmit, gsubmit
from tests.harness.peer_message import small_message
from tests.harness.peer_process import HOST, eventually
from tests.harness.peer_sink import sink

RELAY_PASSWORD = "Zwölf-Boxkämpfer jagen"
GOOD, WRONG = "open-sesame-4711", "close-barley-0815"
BACK = """
auth_verbose = yes
rawlog_dir = {folder}/raw
passdb {
  driver = passwd-file
  args = {folder}/more-users
}
"""
FRONT = f"""{BACK}
submission_relay_rawlog_dir = {{folder}}/relay-raw
submission_relay_user = gsubmit
submission_relay_password = "{RELAY_PASSWORD}"
"""


def _b64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _plain(password: str) -> str:
    return _b64(f"\0wanda\0{password}")


def _dialogs(password: str) -> list[list[str]]:
    """Every way to say a password, the odd ones too."""
    plain = _plain(password)
    return [
        [f"AUTH PLAIN {plain}"],
        [f"auth plain {plain}"],
        ["AUTH PLAIN", plain],
        ["AUTH LOGIN", _b64("wanda"), _b64(password)],
        [f"AUTH LOGIN {_b64('wanda')}", _b64(password)],
        [f"AUTH  PLAIN {plain}"],
        [f"AUTH\tPLAIN\t{plain}"],
        [f" AUTH PLAIN {plain}"],
        [f"AUTH SECRET {plain}"],
        ["AUTH PLAIN", password],
        [f"AUTH PLAIN {plain} {plain}"],
        [f"AUTH {plain}"],
    ]


def _say(server: Gsubmit, lines: list[str], *, tls: bool) -> None:
    with smtplib.SMTP(HOST, server.port) as client:
        if tls:
            client.starttls(context=ssl.create_default_context(cafile=str(server.ca)))
        client.ehlo()
        for line in lines:
            client.docmd(line)


def _pipelined(server: Gsubmit) -> None:
    """A password after a message in the same packet, where it is content until the dot is found."""
    with Client(server) as client:
        client.begin()
        assert client.docmd("DATA")[0] == 354
        client.send(f"Subject: x\r\n\r\nx\r\n.\r\nAUTH PLAIN {_plain(GOOD)}\r\n")
        assert [client.getreply()[0] for _ in range(2)] == [250, 503]


def _forms(password: str) -> list[bytes]:
    """The password in clear, and as it looks in base64 wherever it begins."""
    octets = password.encode()
    forms = [octets, octets[:7]]
    for shift in range(3):
        encoded = b64encode(b"x" * shift + octets)
        forms.append(encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4])
    return forms


def _written(folder: Path) -> list[Path]:
    inputs = {"gsubmit.conf", "more-users", "swaks-message"}
    return [path for path in folder.rglob("*") if path.is_file() and path.name not in inputs]


def test_no_password_is_written_anywhere() -> None:
    back_files = {"raw/": "", "more-users": f"gsubmit:{{PLAIN}}{RELAY_PASSWORD}\n"}
    files = {"raw/": "", "relay-raw/": "", "more-users": f"wanda:{{PLAIN}}{GOOD}\n"}
    with (
        sink() as relay,
        gsubmit(relay.port, BACK, back_files) as back,
        gsubmit(back.port, FRONT, files) as server,
    ):
        for password in (GOOD, WRONG):
            for lines in _dialogs(password):
                _say(server, lines, tls=len(lines) == 1)
        assert swaks(server, small_message("swaks")).code == 0
        _pipelined(server)
        eventually("the last end in the log", lambda: server.log_so_far.count("submission(wanda)") >= 5)
        written = _written(server.folder) + _written(back.folder)
        sessions = [path for path in written if path.parent.name == "raw"]
        relayed = [path for path in written if path.parent.name == "relay-raw"]
        assert len(sessions) >= 2 * 26
        assert len(relayed) >= 2
        assert any(b"AUTH PLAIN <secret>" in path.read_bytes() for path in sessions)
        assert any(b"AUTH PLAIN <secret>" in path.read_bytes() for path in relayed)
        assert f"user=<{USER}>" in server.log
        forms = [form for password in (GOOD, WRONG, RELAY_PASSWORD) for form in _forms(password)]
        forms.append(_b64(f"\0{USER}\0{PASSWORD}").encode())
        said = [line for path in written for line in path.read_bytes().splitlines()]
        assert not [line for line in said if any(form in line for form in forms)]
