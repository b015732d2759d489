"""A message that is hard to carry, and whether it arrived as it was sent."""

from __future__ import annotations

import random
from collections.abc import Sequence
from email.parser import BytesHeaderParser
from functools import cache

SENDER = "sender@example.org"
RECIPIENT = "rcpt@example.org"
# What Postfix and gsubmit write in front.
TRACE = ["Return-Path", "X-Original-To", "Delivered-To", "Received", "Received"]
MAX_LINE = 998  # octets, RFC 5321 4.5.3.1.6

_HEADER = b"""\
Date: Sun, 22 Nov 2026 10:00:00 +0000\r
From: <sender@example.org>\r
To: <rcpt@example.org>\r
Subject: hard to carry\r
Message-ID: <hard@example.org>\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: 8bit\r
\r
"""


@cache
def hard_message(size: int = 5_000_000, seed: int = 1) -> bytes:
    """At least `size` octets: 8-bit text, leading dots, empty lines, lines of every length up to 998 octets."""
    rng = random.Random(seed)
    # No NUL, CR and LF; no backslash and percent sign either, which swaks gives a meaning of its own.
    letters = bytes(set(range(1, 256)) - set(b"\r\n\\%"))
    lines = [b".", b"..", b".hidden", b"..two", b"", b"\t.", b"x" * MAX_LINE, b"." * MAX_LINE]
    content = [_HEADER, b"\r\n".join(lines), b"\r\n"]
    length = sum(map(len, content))
    while length < size:
        width = rng.choice((0, 1, 2, 72, 77, rng.randrange(MAX_LINE), MAX_LINE, MAX_LINE))
        line = bytes(rng.choices(letters, k=width))
        if rng.random() < 0.1:
            line = (b"." + line)[:MAX_LINE]
        content.append(line + b"\r\n")
        length += len(line) + 2
    return b"".join(content)


def small_message(token: str, size: int = 0) -> bytes:
    """A short message that can be told from others by its Message-ID."""
    lines = f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: small\r\nMessage-ID: <{token}@example.org>\r\n"
    padding = ("." + "y" * 76 + "\r\n") * (size // 79)
    return f"{lines}Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n.{token}\r\n{padding}".encode()


def dotted(message: bytes) -> bytes:
    """The message as it stands after DATA, without the final dot: every leading dot doubled (RFC 5321 4.5.2)."""
    assert message.endswith(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in message.split(b"\r\n"))


def assert_arrived(stored: bytes, sent: bytes, trace: Sequence[str] = TRACE) -> None:
    """`stored`, a file of the Maildir, is the trace fields and then `sent`, octet for octet."""
    content = sent.replace(b"\r\n", b"\n")
    front, rest = stored[: -len(content)], stored[-len(content) :]
    if rest != content:  # not with assert: it would print megabytes
        at = next((i for i, (a, b) in enumerate(zip(rest, content, strict=False)) if a != b), 0)
        near = slice(max(at - 40, 0), at + 40)
        raise AssertionError(f"differs at octet {at}: {rest[near]!r} is not {content[near]!r}")
    assert BytesHeaderParser().parsebytes(front).keys() == list(trace)
