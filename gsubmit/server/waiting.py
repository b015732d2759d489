"""What a session waits for, and how it is woken for something else."""

from __future__ import annotations

from enum import Enum, auto

from gsubmit.smtp.reply import Reply


class Awaits(Enum):
    """What the client is waited for to send at this moment."""

    NOTHING = auto()
    COMMAND = auto()
    RESPONSE = auto()  # in a login
    CONTENT = auto()


class Interrupted(Exception):
    """Thrown into a session when the server stops or needs the place."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply
