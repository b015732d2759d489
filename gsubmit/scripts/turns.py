"""How scripts share the processor with sessions, and with each other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from gsubmit.fairness import let_others_run
from gsubmit.net.slots import SlotsByKey
from gsubmit.sieve.errors import Problem, SieveError

ALLOWED = 0.01  # seconds of work after which a script works for long; most take less than one millisecond
WORK = 0.003  # seconds of work from one rest to the next
REST = 0.006  # seconds, in which others can have answers that take several steps
MAX_WAIT = 60.0  # seconds until another one that works for long has ended; RFC 5321 4.5.3.2.6 gives us ten minutes
_of_users, _of_all = SlotsByKey(), SlotsByKey()


class KeptWaiting(SieveError):
    """It was never the turn of a script."""


class Turns:
    """Those of the script, or the scripts, of one message of a user's: call it often, and end it.

    What works for long rests for twice as long, and waits until it is the only one in its process. Of each user one
    alone waits for that, so that nobody is behind many of somebody else's.
    """

    __slots__ = ("_held", "_is_long", "_left", "_since", "_user")

    def __init__(self, user: str) -> None:
        self._user = user
        self._left = ALLOWED  # seconds of work until the next rest
        self._since = time.monotonic()  # when it began to work, after others
        self._held = ExitStack()
        self._is_long = False

    def __call__(self) -> None:
        """Let others run, if it is time. Raises KeptWaiting."""
        self._left -= time.monotonic() - self._since
        let_others_run()
        if self._left <= 0:
            self._rest()
        self._since = time.monotonic()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While it waits for something else, which is no work, and the turn of others."""
        self._left -= time.monotonic() - self._since
        self.end()
        try:
            yield
        finally:
            self._since = time.monotonic()

    def _rest(self) -> None:
        if not self._is_long:
            self._is_long = self._is_next()
            if not self._is_long:
                text = f"other scripts that take long have kept this one waiting for {MAX_WAIT:.0f} seconds"
                raise KeptWaiting(Problem("script", 0, text))
        time.sleep(REST)
        self._left = WORK

    def _is_next(self) -> bool:
        slots = (_of_users.slot(self._user, 1, MAX_WAIT), _of_all.slot("", 1, MAX_WAIT))
        if all(self._held.enter_context(slot) for slot in slots):
            return True
        self._held.close()
        return False

    def end(self) -> None:
        """It is the turn of others."""
        self._is_long = False
        self._held.close()
