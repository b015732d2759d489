"""The named replies, as a whole (RFC 5321 4.2, RFC 2034 4)."""

from __future__ import annotations

import re

import pytest

from gsubmit.smtp import replies
from gsubmit.smtp.reply import MAX_REPLY_LINE, Reply

NAMED = {name: value for name, value in vars(replies).items() if isinstance(value, Reply)}
WITHOUT_STATUS = {"START_MAIL", "MISSING_HOSTNAME"}  # EHL-4, ENH-2


@pytest.mark.parametrize("name", NAMED)
def test_named_reply(name: str) -> None:
    reply = NAMED[name]
    assert re.fullmatch("[2-5][0-5][0-9]", str(reply.code)), "RPL-1"
    assert re.fullmatch(r"[\t -~\n]+", reply.text), "RPL-1"
    assert (reply.status == "") == (name in WITHOUT_STATUS), "ENH-2"
    if reply.status:
        assert re.fullmatch(r"[245](\.(0|[1-9][0-9]{0,2})){2}", reply.status), "ENH-1"
        assert reply.status[0] == str(reply.code)[0], "ENH-3"
    assert max(map(len, reply.wire.splitlines(keepends=True))) <= MAX_REPLY_LINE, "LIM-4"


def test_every_code_is_known() -> None:
    """RFC 5321 4.2.3, 4954 and 3207 between them; no 551 of ours (RPL-6)."""
    assert {reply.code for reply in NAMED.values()} <= {
        *(214, 220, 221, 235, 250, 252, 354),
        *(421, 451, 452, 454),
        *(500, 501, 502, 503, 504, 525, 530, 535, 550, 552, 553, 554),
    }
