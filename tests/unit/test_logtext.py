"""Words of others in our log: they neither end a line nor pass for a field of it."""

from __future__ import annotations

import logging
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from io import StringIO

import pytest

from gsubmit.logs import output
from gsubmit.logs.text import safe, safe_name, safe_words
from gsubmit.server.session import label
from gsubmit.settings.sections import LoggingSettings
from tests.harness.serving import serving

FORGED = "Nov 01 10:00:00 submission-login: Info: Login: user=<root>"
ENDS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
ODD = [*ENDS, "\0", "\x1b[2J", "\x7f", "\u202e", "\ud800"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("user@x", "user@x", id="plain"),
        pytest.param("a\r\nLogin: user=<b>\t\0\x7f", "a??Login: user=<b>???", id="CMD-24 controls"),
        pytest.param("é\u2028\x85", "???", id="CMD-24 other line ends"),
    ],
)
def test_safe(text: str, expected: str) -> None:
    assert safe(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user@x", "user@x"),
        ("o'neil+tag=1_-.#", "o'neil+tag=1_-.#"),
        ("eve>, method=PLAIN, rip=192.0.2.66", "eve???method=PLAIN??rip=192.0.2.66"),
        ("a)<AAAA>: Error: x", "a??AAAA?:?Error:?x"),
    ],
)
def test_safe_name(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_words_hold_no_fields() -> None:
    assert safe_words("No: user=<x>, rip=192.0.2.1\n") == "No: user??x?, rip?192.0.2.1?"


@pytest.fixture
def stream() -> Iterator[StringIO]:
    stream = StringIO()
    log = logging.getLogger("gsubmit")
    before, log.handlers = log.handlers, []
    output.configure(LoggingSettings(log_timestamp=""), stream)
    yield stream
    log.handlers = before


@pytest.mark.parametrize("end", ODD)
def test_no_text_of_others_begins_a_line(stream: StringIO, end: str) -> None:
    """CMD-24: whatever a relay, a passdb, a URL, an exception or a user's name says."""
    log = logging.getLogger("gsubmit.relay")
    text = f"x{end}{FORGED}"
    log.error("relay: %s", text)
    log.info("x", extra={"prefix": label(text, "AAAA")})
    log.info("x", extra={"prefix": text})
    try:
        try:
            raise ValueError(text)
        except ValueError as error:
            raise OSError(5, text) from error
    except OSError:
        log.exception("internal error")
    written = stream.getvalue()
    assert not [line for line in written.splitlines() if line.lstrip().startswith(FORGED)]
    assert re.fullmatch(r"[ -~\n]*", written)
    assert written.splitlines()[-1].startswith("OSError: [Errno 5] x")


def test_a_name_is_not_the_whole_label() -> None:
    """Who reads `submission(NAME)<ID>: ` finds the name that there is, and one id."""
    labelled = label("a)<AAAA>: Info: Relayed message: (b", "BBBB")
    assert re.findall(r"\(([^)]*)\)<([^>]*)>", labelled) == [("a??AAAA?:?Info:?Relayed?message:??b", "BBBB")]


STATIC = """
auth_username_chars =
auth_username_format = %u
auth_verbose = yes
passdb {
  driver = static
  args = password=secret
}
"""


@pytest.mark.parametrize("password", ["secret", "wrong"])
@pytest.mark.parametrize("user", [f"a\u2028{FORGED}", "eve>, method=PLAIN, rip=192.0.2.66", "a)<AAAA>: Info: x"])
def test_a_user_chooses_his_name_and_not_our_lines(user: str, password: str) -> None:
    """auth_username_chars may be empty, and then a name has any characters but controls."""
    with serving(STATIC + "auth_failure_delay = 0\n") as server:
        with socket.create_connection(("127.0.0.1", server.port), 5) as sock, sock.makefile("rwb", buffering=0) as file:
            login = b64encode(f"\0{user}\0{password}".encode())
            file.write(b"EHLO x\r\nAUTH PLAIN " + login + b"\r\nMAIL FROM:<a@x>\r\nQUIT\r\n")
            assert (b"235 2.7.0" if password == "secret" else b"535 5.7.8") in b"".join(file)
        lines = server.log_text.splitlines()
    front = (
        r"[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d (gsubmit|submission-login|submission\([^ <>(),]*\)<[\w-]{16}>): [A-Z]\w+: "
    )
    assert len(lines) >= 2
    assert all(re.match(front, line) and line.isascii() for line in lines)
    assert {ip for line in lines for ip in re.findall(r" rip=([^,]*)", line)} == {"127.0.0.1"}
    assert not any("<root>" in line for line in lines)
