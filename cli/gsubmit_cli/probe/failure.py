"""What can go wrong in a test submission: the stage it happens in, which is the exit code."""

from __future__ import annotations

from enum import IntEnum


class Stage(IntEnum):
    """How far a submission came; the value is the exit code of `gsubmit send-test`."""

    DONE = 0
    CONNECT = 10
    GREETING = 11
    TLS = 12
    AUTH = 13
    MAIL = 14
    RCPT = 15
    MESSAGE = 16
    IMAP_CONNECT = 20  # the last digit tells the same as above, where there is the same
    IMAP_GREETING = 21
    IMAP_TLS = 22
    IMAP_AUTH = 23
    IMAP_APPEND = 24
    IMAP_URLAUTH = 25
    INTERRUPTED = 130


class Failure(Exception):
    """The end of a submission: where, what was seen or heard, and what to look at."""

    def __init__(self, stage: Stage, step: str, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.stage = stage
        self.step = step
        self.reason = reason
        self.hint = hint


class Broken(Exception):
    """The connection did not do what was asked. `kind` is a key of hints.TROUBLE."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
