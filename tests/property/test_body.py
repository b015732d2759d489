"""What MessageBody notices does not depend on how the content was cut."""

from __future__ import annotations

import re
from tempfile import gettempdir

from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.message.body import MEMORY_LIMIT, MessageBody
from tests.property.splits import cut, cuts

OCTETS = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\0", b"\x7f", b"\x80", b"\x85"]), max_size=12).map(
    b"".join
)
PADDING = st.sampled_from([0, 0, 0, MEMORY_LIMIT - 3, 2 * MEMORY_LIMIT])


@settings(max_examples=200, deadline=None)
@given(OCTETS, cuts(), PADDING)
def test_the_notices_are_those_of_the_whole(octets: bytes, places: list[float], padding: int) -> None:
    content = b"x" * padding + octets
    body = MessageBody(gettempdir())
    try:
        for block in cut(content, places):
            body.append(block)
        assert body.size == len(content)
        assert b"".join(body.blocks()) == content
        assert b"".join(body.blocks()) == content, "it can be read twice"
        assert body.has_bare_line_end() == bool(re.search(rb"\r(?!\n)|(?<!\r)\n", content))
        assert body.has_nul == (0 in content)
        assert body.has_8bit == any(octet > 127 for octet in content)
    finally:
        body.close()
