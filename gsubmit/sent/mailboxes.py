"""What was found out about users and holds for a while: which mailbox is their Sent, what they were told is wrong."""

from __future__ import annotations

import time
from collections import OrderedDict

REMEMBERED = 3600.0  # seconds
MOST = 10_000  # users; the ones that were learnt first are forgotten first


class Remembered:
    """A text for each of so many users."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def get(self, user: str) -> str:
        """Empty where there is none, or it is too old."""
        since, text = self._known.get(user, (float("-inf"), ""))
        return text if time.monotonic() - since < REMEMBERED else ""

    def put(self, user: str, text: str) -> None:
        """Remember it from now on."""
        self._known.pop(user, None)
        self._known[user] = (time.monotonic(), text)
        if len(self._known) > MOST:
            self._known.popitem(last=False)

    def forget(self, user: str) -> None:
        """It is not so any more."""
        self._known.pop(user, None)


class Mailboxes(Remembered):
    r"""The \Sent of each user; `name` where a server marks none, and whether that is made where it is missing."""

    def __init__(self, name: str, *, creates: bool) -> None:
        super().__init__()
        self.name = name
        self.creates = creates
