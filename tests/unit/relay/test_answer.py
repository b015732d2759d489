"""A relay's reply, read and made fit for the client (RLY-5 to RLY-7, ENH-5)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.dial.answer import RelayFailed, for_client, read_lines
from gsubmit.smtp.replies import RELAY_LOST, RELAY_NONSENSE, RELAY_REFUSES_US
from gsubmit.smtp.reply import MAX_REPLY_LINE, Reply


@pytest.mark.parametrize(
    ("code", "lines", "expected"),
    [
        pytest.param(250, ["2.1.0 Ok"], Reply(250, "2.1.0", "Ok"), id="status is taken out"),
        pytest.param(250, ["Ok"], Reply(250, "", "Ok"), id="no status"),
        pytest.param(250, [""], Reply(250, "", ""), id="RPL-2 no text"),
        pytest.param(250, ["2.1.5"], Reply(250, "2.1.5", ""), id="status without text"),
        pytest.param(550, ["5.1.1\tno"], Reply(550, "5.1.1", "no"), id="HT after the status"),
        pytest.param(550, ["5.1.1 a", "5.1.1 b"], Reply(550, "5.1.1", "a\nb"), id="ENH-2 on each line"),
        pytest.param(550, ["a", "5.1.1 b"], Reply(550, "5.1.1", "a\nb"), id="status on the last line only"),
        pytest.param(550, ["4.1.1 no"], Reply(550, "", "no"), id="ENH-3 another class"),
        pytest.param(
            550, ["4.1.1 a", "5.1.1 b"], Reply(550, "5.1.1", "a\nb"), id="ENH-3 another class, then the right one"
        ),
        pytest.param(550, ["5.01.001 no"], Reply(550, "5.1.1", "no"), id="ENH-1 leading zeros"),
        pytest.param(550, ["5.1.1234 no"], Reply(550, "", "5.1.1234 no"), id="ENH-1 four digits"),
        pytest.param(550, ["5.1 no"], Reply(550, "", "5.1 no"), id="ENH-1 two numbers"),
        pytest.param(550, ["5.1.1no"], Reply(550, "", "5.1.1no"), id="no space after the status"),
        pytest.param(550, ["192.0.2.1 is bad"], Reply(550, "", "192.0.2.1 is bad"), id="an address is no status"),
        pytest.param(354, ["5.5.5 go"], Reply(354, "", "go"), id="ENH-2 never in 3yz"),
        pytest.param(550, ["caf\ufffd \x1b[2J\r\0é"], Reply(550, "", "caf? ?[2J???"), id="RPL-1 CMD-24"),
        pytest.param(550, ["a\tb"], Reply(550, "", "a\tb"), id="RPL-1 HT stays"),
    ],
)
def test_read_lines(code: int, lines: list[str], expected: Reply) -> None:
    assert read_lines(code, lines) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(Reply(250, "2.1.5", "Ok"), Reply(250, "2.1.5", "Ok"), id="as it is"),
        pytest.param(Reply(550, "5.1.1", "a\nb"), Reply(550, "5.1.1", "a\nb"), id="RLY-5 several lines"),
        pytest.param(Reply(251, "2.1.5", "Ok"), Reply(251, "2.1.5", "Ok"), id="RLY-5 251"),
        pytest.param(Reply(556, "5.1.10", "no mail"), Reply(556, "5.1.10", "no mail"), id="RPL-4 556"),
        pytest.param(Reply(550, "", "no"), Reply(550, "5.0.0", "no"), id="ENH-5 5yz"),
        pytest.param(Reply(450, "", "later"), Reply(450, "4.0.0", "later"), id="ENH-5 4yz"),
        pytest.param(Reply(421, "4.3.2", "Bye"), Reply(451, "4.3.2", "Bye"), id="RLY-7 421"),
        pytest.param(Reply(421, "", "Bye"), Reply(451, "4.0.0", "Bye"), id="RLY-7 421 without status"),
        pytest.param(Reply(571, "5.7.1", "no"), Reply(550, "5.7.1", "no"), id="RPL-1 571"),
        pytest.param(Reply(471, "", "no"), Reply(450, "4.0.0", "no"), id="RPL-1 471"),
        pytest.param(Reply(599, "5.7.1", "no"), Reply(550, "5.7.1", "no"), id="RPL-1 599"),
        *(
            pytest.param(Reply(code, f"{code // 100}.7.0", "You must log in"), RELAY_REFUSES_US, id=f"RLY-6 {code}")
            for code in (530, 534, 535, 538, 432, 454)
        ),
    ],
)
def test_for_client(reply: Reply, expected: Reply) -> None:
    assert for_client(reply) == expected


@pytest.mark.parametrize(
    ("code", "detail", "status"), [(250, "1.0", "2.1.0"), (250, "1.5", "2.1.5"), (550, "1.5", "5.0.0")]
)
def test_default_status(code: int, detail: str, status: str) -> None:
    """ENH-5: a better default than 2.0.0 for MAIL and RCPT, none for refusals."""
    assert for_client(Reply(code, "", "x"), detail).status == status


@pytest.mark.parametrize("code", [220, 221, 300, 334, 354])
def test_no_answer_to_what_was_asked(code: int) -> None:
    """RLY-7: neither the end of our client's connection nor a go-ahead for data that nobody asked for."""
    assert for_client(Reply(code, "", "x")) == RELAY_NONSENSE


@given(
    st.sampled_from([code for code in range(200, 600) if code // 100 != 3 and code not in (220, 221)]),
    st.lists(st.text(max_size=700), min_size=1, max_size=3),
)
def test_whatever_a_relay_says(code: int, lines: list[str]) -> None:
    """RPL-1, LIM-4, ENH-3; and no reply of a relay ends our client's connection (RLY-7)."""
    reply = for_client(read_lines(code, lines))
    assert not reply.closes
    assert reply.refuses == (code >= 400)
    assert 0 <= reply.code // 10 % 10 <= 5
    for line in reply.wire.removesuffix(b"\r\n").split(b"\r\n"):
        assert len(line) + 2 <= MAX_REPLY_LINE
        assert re.fullmatch(rb"[2-5][0-5][0-9][ -][\t -~]*", line)
    assert reply.status[0] == str(reply.code)[0]


def test_relay_failed() -> None:
    failed = RelayFailed(RELAY_LOST, "it went away", lost=True)
    assert (failed.reply, str(failed), failed.lost) == (RELAY_LOST, "it went away", True)
