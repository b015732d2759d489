"""How content begins: its first line comes to stand behind our Received field, and must not become part of it."""

from __future__ import annotations

import re

from gsubmit.fairness import let_others_run
from gsubmit.message.body import BLOCK, MessageBody

_GLANCE = 128  # octets that tell of nearly every message that it begins well
# What may follow a field of ours: a field (RFC 5322 3.6.8, with the white space of its 4.5), or the end of the header.
_GOOD = re.compile(rb"[!-9;-~]+[ \t]*:|\r\n")
# What mailbox files have before a message; `From :` is a field. Binary content may have it with LF alone.
_MAILBOX_LINE = re.compile(rb">*From (?![ \t]*:)[^\r\n]*(?:\r?\n|\Z)")


def well_begun(body: MessageBody, *, drops_mailbox_lines: bool = False) -> MessageBody:
    """The content with a first line that may stand behind a field of ours: `body` itself, or a copy of it mended.

    As Postfix does it: lines of a mailbox file become X-Mailbox-Line fields, unless they are dropped, and before
    anything else that is no field comes the empty line, for then all of it is text. Raises OSError when there is no
    room for the copy; `body` stays open.
    """
    if _GOOD.match(body.read(0, _GLANCE)):
        return body
    first = body.read(0, BLOCK)
    opening = bytearray()
    at = 0
    while line := _MAILBOX_LINE.match(first, at):
        let_others_run()
        opening += b"" if drops_mailbox_lines else b"X-Mailbox-Line: " + line[0]
        at = line.end()
    if at < len(first) and not _GOOD.match(first, at):
        opening += b"\r\n"
    return _copy(body, bytes(opening), at) if opening or at else body


def _copy(body: MessageBody, opening: bytes, at: int) -> MessageBody:
    """`opening`, and `body` from `at` on."""
    copy = MessageBody(body.directory)
    try:
        copy.append(opening)
        while block := body.read(at, BLOCK):
            copy.append(block)
            let_others_run()
            at += len(block)
    except BaseException:  # an end of the greenlet too
        copy.close()
        raise
    return copy
