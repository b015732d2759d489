"""What is wrong with a message, told when all of it has come."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from gsubmit.message.body import MEMORY_LIMIT, MessageBody
from gsubmit.relay.promise import Promise
from gsubmit.server.transaction import Transaction
from gsubmit.smtp import replies
from gsubmit.smtp.address import Address
from gsubmit.smtp.envelope import Recipient, Sender, read_sender
from gsubmit.smtp.params import NO_RCPT_PARAMS
from gsubmit.smtp.reply import Reply
from tests.unit.server.sessions import Delivered

OFFERED = {"BINARYMIME", "CHUNKING", "8BITMIME"}
CONTENT = b"Subject: x\r\n\r\ntext\r\n"


def transaction(folder: Path, argument: str = "<a@x>", max_size: int = 0) -> Transaction:
    sender: Sender = read_sender(f"FROM:{argument}", OFFERED, ())
    return Transaction(
        "id", sender, Delivered(sender, replies.OK), MessageBody(str(folder)), max_size, "submission(user)<id>"
    )


@pytest.fixture
def open_one(tmp_path: Path) -> Iterator[Transaction]:
    opened = transaction(tmp_path)
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", ["good", "bad"])
def test_each_answer_to_rcpt_is_looked_at_once(
    open_one: Transaction, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many recipients come beyond submission_max_recipients, each of them costs the same."""
    looks = 0

    class Counted(Promise):
        def reply(self) -> Reply:
            nonlocal looks
            looks += 1
            return super().reply()

    def recipient(asked: Recipient) -> Promise:
        promise = Counted(delivery, asked)
        promise.answer = Reply(250 if asked.forward_path.local_part == "good" else 550)
        return promise

    delivery = cast(Delivered, open_one.delivery)
    monkeypatch.setattr(delivery, "recipient", recipient)
    monkeypatch.setattr(delivery, "accepted", pytest.fail)  # it looks at all of them
    asked = 0
    for _ in range(300):
        if not open_one.has_accepted(10):
            asked += 1
            open_one.ask(Recipient(Address(kind, "example.net"), NO_RCPT_PARAMS))
    assert asked == (10 if kind == "good" else 300)
    assert looks <= asked


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(CONTENT, None, id="nothing wrong"),
        pytest.param(CONTENT + b"caf\xc3\xa9\r\n", None, id="EBM-4 8-bit is converted where it must be"),
        pytest.param(b"", replies.EMPTY_MESSAGE, id="TV-DAT-3"),
        pytest.param(CONTENT + b"a\nb\r\n", replies.BARE_LINE_END, id="SMG-2 bare LF"),
        pytest.param(CONTENT + b"a\rb\r\n", replies.BARE_LINE_END, id="SMG-2 bare CR"),
        pytest.param(CONTENT + b"a\0b\r\n", replies.HOLDS_NUL, id="DAT-6 NUL"),
        pytest.param(CONTENT + b"no line end", None, id="BDT-15"),
    ],
)
def test_judge(open_one: Transaction, content: bytes, fault: Reply | None) -> None:
    open_one.take(content)
    assert open_one.judge() == fault


def test_binary(tmp_path: Path) -> None:
    """BDT-18: every octet is kept, whatever it is; an empty message is still none."""
    binary = transaction(tmp_path, "<a@x> BODY=BINARYMIME")
    assert binary.judge() == replies.EMPTY_MESSAGE
    binary.take(b"\0\r\n\n\r\xff")
    assert binary.judge() is None


@pytest.mark.parametrize(
    ("sizes", "fault"),
    [
        pytest.param([83], None, id="TV-SIZ-2 the limit itself"),
        pytest.param([84], replies.TOO_BIG, id="TV-SIZ-2 one more"),
        pytest.param([40, 43], None, id="SIZ-3 in two"),
        pytest.param([40, 44], replies.TOO_BIG, id="SIZ-3 the sum counts"),
        pytest.param([84, 1], replies.TOO_BIG, id="DAT-9 the first fault stays"),
    ],
)
def test_size(tmp_path: Path, sizes: list[int], fault: Reply | None) -> None:
    limited = transaction(tmp_path, max_size=83)
    for size in sizes:
        limited.take(b"x" * size)
    assert limited.judge() == fault
    assert limited.body.size <= 83


def test_no_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """SIZ-4: the cause is for the log, and is told once."""
    caplog.set_level(logging.ERROR)
    homeless = transaction(tmp_path / "gone")
    for _ in range(3):
        homeless.take(b"x" * MEMORY_LIMIT)
    assert homeless.judge() == replies.NO_ROOM
    assert [record.message.partition(":")[0] for record in caplog.records] == ["cannot keep message id"]
    assert [getattr(record, "prefix", "") for record in caplog.records] == ["submission(user)<id>"]
    homeless.close()


def test_close(open_one: Transaction) -> None:
    """RLY-10: what was not sent is dropped at the next hop too."""
    open_one.take(b"x" * (MEMORY_LIMIT + 1))
    open_one.close()
    assert isinstance(open_one.delivery, Delivered)
    assert open_one.delivery.is_aborted
    assert list(open_one.body.blocks()) == []
