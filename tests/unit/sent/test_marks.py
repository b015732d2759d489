"""By what a message is known again."""

from __future__ import annotations

import pytest

from gsubmit.message.fields import split_header
from gsubmit.sent.marks import Marks, marks_of
from tests.unit.sent.mailstore import MESSAGE


def of(header: bytes) -> Marks:
    return marks_of(split_header(header))


HEADER = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n"


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        pytest.param(b"Subject: it", b"Subject:\r\n  it ", True, id="folded"),
        pytest.param(b"<1@example.org>", b"<2@example.org>", True, id="another-id"),
        pytest.param(b"Message-ID: <1@example.org>\r\n", b"", True, id="no-id"),
        pytest.param(b"To:", b"Bcc: <c@example.org>\r\nTo:", True, id="bcc"),
        pytest.param(b"<2@", b"<3@", True, id="unchanged"),
    ],
)
def test_the_same(old: bytes, new: bytes, is_same: bool) -> None:
    assert of(HEADER).is_same_message(of(HEADER.replace(old, new))) == is_same


@pytest.mark.parametrize("name", [b"From", b"To", b"Cc", b"Subject", b"Date"])
def test_any_of_five_fields_makes_another_message(name: bytes) -> None:
    changed = HEADER.replace(b"<1@", b"<2@") + name + b": first counts\r\n"
    if name == b"Cc":
        assert not of(HEADER).is_same_message(of(changed))
    else:
        assert of(HEADER).is_same_message(of(changed))
        other = HEADER.replace(b"<1@", b"<2@").replace(name + b": ", name + b": x")
        assert not of(HEADER).is_same_message(of(other))


def test_without_id_and_date_nothing_is_the_same() -> None:
    assert not of(b"Subject: x\r\n").is_same_message(of(b"Subject: x\r\n"))


def test_a_resent_message_has_the_fields_of_that() -> None:
    again = of(b"Resent-From: <z@example.org>\r\nResent-Date: Fri, 28 Nov 2025 12:00:00 +0000\r\n" + HEADER)
    assert again.is_resent
    assert again.message_id == ""
    assert again.names == ("resent-message-id", "resent-date", "resent-from", "resent-to", "resent-cc", "subject")
    assert not again.is_same_message(of(HEADER))


@pytest.mark.parametrize(
    ("date", "written"),
    [
        ("Thu, 27 Nov 2025 13:00:00 +0100", 1_764_244_800),
        ("Thu, 27 Nov 2025 12:00:00 GMT (comment)", 1_764_244_800),
        ("Thu, 27 Nov 125 13:00:00 +0100", 1_764_244_800),
        ("Thu, 27 Nov 25 13:00:00 +0100", 1_764_244_800),
        ("Wed, 27 Nov 96 13:00:00 +0100", 849_096_000),
        ("yesterday", None),
        ("Thu, 27 Nov 99999999999 13:00:00 +0100", None),
        ("", None),
    ],
)
def test_the_time_of_date(date: str, written: int | None) -> None:
    assert Marks(False, "", date, ()).written == written
