"""Reading the configuration in a process of its own: whatever it takes, meets or leaves behind is gone with it."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass

from gsubmit.app.forking import await_end, fork
from gsubmit.settings.problem import Notice, SettingsError
from gsubmit.settings.sections import Settings

Load = Callable[[], tuple[Settings, tuple[Notice, ...]]]  # raises SettingsError
_log = logging.getLogger("gsubmit")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was read: settings and what there is to say of them, or the lines of what is wrong."""

    settings: Settings | None
    notices: tuple[Notice, ...] = ()
    errors: tuple[str, ...] = ()


class Reader:
    """The work of such a process, and what it has left in memory for its parent."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._file = os.memfd_create("gsubmit-settings")

    def work(self) -> int:
        """In the process: read, and leave the outcome."""
        try:
            settings, notices = self._load()
            outcome = Outcome(settings, tuple(notice for notice in notices if notice.kind != "ignored"))
        except (SettingsError, OSError) as error:
            outcome = Outcome(None, errors=tuple(str(error).splitlines()))
        with open(self._file, "wb", closefd=False) as file:
            pickle.dump(outcome, file)
        return os.EX_OK

    def outcome(self, code: int) -> Outcome:
        """What the process has left; `code` is its exit code."""
        try:
            if code:
                return Outcome(None, errors=(f"the configuration could not be read: {ending(code)}",))
            with open(self._file, "rb", closefd=False) as file:
                file.seek(0)
                outcome: Outcome = pickle.load(file)  # noqa: S301 - our own words
            return outcome
        finally:
            os.close(self._file)


def read_now(load: Load) -> Outcome:
    """The same, waited for. Raises OSError."""
    reader = Reader(load)
    return reader.outcome(await_end(fork(reader.work, None, ())))


def ending(code: int) -> str:
    """How a process has ended, in words."""
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"


def log(outcome: Outcome, front: str = "") -> None:
    """Say what there is to say."""
    for notice in outcome.notices:
        _log.warning("%s", notice)
    for line in outcome.errors:
        _log.error("%s%s", front, line)
