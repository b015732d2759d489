"""How a reply is sent (RFC 5321 4.2, RFC 2034)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.smtp.reply import MAX_REPLY_LINE, Refused, Reply


@pytest.mark.parametrize(
    ("reply", "wire"),
    [
        pytest.param(Reply(250, "2.0.0", "OK"), b"250 2.0.0 OK\r\n", id="one line"),
        pytest.param(Reply(354, "", "Go"), b"354 Go\r\n", id="ENH-2 no status in 3yz"),
        pytest.param(Reply(334, "", ""), b"334 \r\n", id="AUT-2 334 keeps its space"),
        pytest.param(Reply(250, "", "msa\nSIZE\nDSN"), b"250-msa\r\n250-SIZE\r\n250 DSN\r\n", id="EHL-1"),
        pytest.param(Reply(550, "5.1.1", "a\nb"), b"550-5.1.1 a\r\n550 5.1.1 b\r\n", id="ENH-2 on each line"),
        pytest.param(Reply(250, "2.0.0", "a\n"), b"250-2.0.0 a\r\n250 2.0.0 \r\n", id="empty last line"),
        pytest.param(Reply(251, "2.1.5", "é"), "251 2.1.5 é\r\n".encode(), id="EAI-9 UTF-8"),
    ],
)
def test_wire(reply: Reply, wire: bytes) -> None:
    assert reply.wire == wire


@pytest.mark.parametrize(
    ("status", "text", "lengths"),
    [
        pytest.param("", "x" * 506, [512], id="LIM-4 fits"),
        pytest.param("", "x" * 507, [512, 7], id="LIM-4 one octet too long"),
        pytest.param("5.1.1", "x" * 500, [512], id="LIM-4 fits with status"),
        pytest.param("5.1.1", "x" * 501, [512, 13], id="LIM-4 the status counts on each line"),
        pytest.param("5.555.555", "x" * 2000, [512, 512, 512, 512, 32], id="LIM-4 long status"),
        pytest.param("", "é" * 253, [512], id="LIM-4 octets, fits"),
        pytest.param("", "é" * 254, [512, 8], id="LIM-4 octets, not characters"),
        pytest.param("", "x" * 505 + "é", [511, 8], id="LIM-4 no character is cut"),
        pytest.param("", "𝄞" * 127, [510, 10], id="LIM-4 four octets"),
    ],
)
def test_long_lines(status: str, text: str, lengths: list[int]) -> None:
    lines = Reply(550, status, text).wire.splitlines(keepends=True)
    assert [len(line) for line in lines] == lengths


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=900), st.sampled_from(["", "5.1.1", "4.444.444"]))
def test_any_text(text: str, status: str) -> None:
    wire = Reply(451, status, text).wire
    lines = wire.removesuffix(b"\r\n").split(b"\r\n") if "\r" not in text else []
    front = f"{status} " if status else ""
    told = "".join(line.decode()[4:].removeprefix(front) for line in lines)
    assert all(len(line) + 2 <= MAX_REPLY_LINE for line in lines)
    assert not lines or told == text.replace("\n", "")
    assert [line[3:4] for line in lines] == [b"-"] * (len(lines) - 1) + [b" "][: len(lines)]


@pytest.mark.parametrize(
    ("code", "closes", "refuses"),
    [(220, False, False), (221, True, False), (354, False, False), (421, True, True), (451, False, True)],
)
def test_facts(code: int, closes: bool, refuses: bool) -> None:
    reply = Reply(code)
    assert (reply.closes, reply.refuses) == (closes, refuses)


@pytest.mark.parametrize(
    ("reply", "text"),
    [(Reply(250, "2.0.0", "OK"), "250 2.0.0 OK"), (Reply(250), "250"), (Reply(250, "", "a\nb"), "250 a b")],
)
def test_str(reply: Reply, text: str) -> None:
    assert str(reply) == text
    assert str(Refused(reply)) == text
