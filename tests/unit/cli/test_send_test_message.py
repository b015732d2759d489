"""The message that `gsubmit send-test` makes or takes: sizes, added headers, attachments, the standard input."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from gsubmit_cli.send_test import send_test

from tests.harness.commands import CliRunner, Result

ADDRESSES = ["-f", "bob@example.org", "-t", "amy@example.net"]
Serve = Callable[..., Any]  # starts a server with the given answers, see conftest.py


def run(server: Any, *arguments: object, given: bytes | None = None) -> Result:
    where = ["-s", f"127.0.0.1:{server.port if server else 9}", "--tls", "none", "--timeout", "5", *ADDRESSES]
    return CliRunner().invoke(send_test, [*where, *map(str, arguments)], input=given)


def parsed(server: Any) -> EmailMessage:
    message = message_from_bytes(server.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


@pytest.mark.parametrize(("size", "octets"), [("2k", 2048), ("1M", 1 << 20), ("3000", 3000), ("3000b", 3000)])
def test_sizes_as_settings_have_them(serve: Serve, size: str, octets: int) -> None:
    server = serve()
    assert run(server, "--size", size).exit_code == 0
    assert len(server.content) == octets


@pytest.mark.parametrize(
    ("size", "words"), [("30X", "no size such as 30M"), ("0", "not between"), ("2G", "not between")]
)
def test_sizes_that_are_none(size: str, words: str) -> None:
    said = run(None, "--size", size)
    assert said.exit_code == 2
    assert words in said.output


def test_added_headers_stand_in_front_and_replace(serve: Serve) -> None:
    server = serve()
    added = ["--header", "X-Trial: one", "--header", "X-Trial: two", "--header", "to: Amy <amy@example.net>"]
    assert run(server, *added, "--header", "Comments: Zwölf").exit_code == 0
    message = parsed(server)
    assert server.content.startswith(b"X-Trial: one\r\nX-Trial: two\r\nto: Amy <amy@example.net>\r\n")
    assert message.get_all("To") == ["Amy <amy@example.net>"]
    assert message["Comments"] == "Zwölf"
    assert message["Subject"] == "gsubmit send-test"


def test_a_folded_header_is_replaced_as_a_whole(serve: Serve) -> None:
    server = serve()
    assert run(server, "-t", "eve@example.net", "--header", "To: undisclosed:;").exit_code == 0
    assert b"eve@" not in server.content
    assert parsed(server)["To"] == "undisclosed:;"


def test_attachments(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x00")
    (tmp_path / "Zwölf.unknown").write_bytes(b".\n")
    server = serve()
    assert run(server, "--attach", tmp_path / "a.png", "--attach", tmp_path / "Zwölf.unknown").exit_code == 0
    message = parsed(server)
    assert message.get_content_type() == "multipart/mixed"
    parts = [(one.get_content_type(), one.get_filename(), one.get_content()) for one in message.iter_attachments()]
    assert parts == [
        ("image/png", "a.png", b"\x89PNG\r\n\x00"),
        ("application/octet-stream", "Zwölf.unknown", b".\n"),
    ]
    body = message.get_body()
    assert body is not None
    assert "This is a test message" in body.get_content()


def test_the_message_on_the_standard_input_with_another_header(serve: Serve) -> None:
    server = serve()
    said = run(
        server, "--file", "-", "--header", "Subject: new", given=b"From: <x@y>\nSubject: old\n folded\n\ncaf\xe9\n"
    )
    assert said.exit_code == 0
    assert server.content == b"Subject: new\r\nFrom: <x@y>\r\n\r\ncaf\xe9\r\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--file", "-", "-u", "bob"], "give --password-file, or set GSUBMIT_PASSWORD", id="stdin twice"),
        pytest.param(["--header", "no colon"], "'no colon' is not a header line", id="no header"),
        pytest.param(["--header", "A b: c"], "is not a header line", id="blank in the name"),
        pytest.param(["--header", "A: b\nBcc: c"], "cannot be sent", id="two lines"),
        pytest.param(["--file", __file__, "--attach", __file__], "no meaning with", id="file and attachment"),
        pytest.param(["--size", "1k", "--attach", __file__], "no meaning with", id="size and attachment"),
    ],
)
def test_usage(arguments: list[str], words: str) -> None:
    said = run(None, *arguments)
    assert said.exit_code == 2
    assert words in said.output
