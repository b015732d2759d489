"""A state that others share, and what is counted here while it does not answer."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from gsubmit.auth.loginstate import LoginState, StateLost
from gsubmit.auth.penalty import Penalised, network_of
from gsubmit.auth.state.shared import SharedState

FIRST_PAUSE = 1.0  # seconds for which a state that did not answer is left alone; doubles each time
LONGEST_PAUSE = 10.0

_log = logging.getLogger("gsubmit.auth")

T = TypeVar("T")


class StateWithFallback:
    """A LoginState that never raises StateLost: another answers while one of that `name` is away.

    The log says when it goes and when it is back, once for all processes if they share `others`. Meanwhile one login
    at a time finds out whether it is back, and nobody else waits. Connections end where they were counted; what ends
    while the state is away, it is told later.
    """

    def __init__(self, state: LoginState, name: str, local: LoginState, others: SharedState | None = None) -> None:
        self._state = state
        self._name = name
        self._local = local
        self._others = others
        self._here: Counter[tuple[str, str]] = Counter()  # connections of users and networks that `local` counts
        self._ended: list[tuple[str, str]] = []  # users and addresses of connections that the state still counts
        self._pause = 0.0  # seconds; none while the state answers
        self._next_try = 0.0

    def level(self, address: str, user: str = "") -> int:
        """How high the level of this address is."""
        return self._ask(lambda state: state.level(address, user))

    def knows(self, address: str, user: str) -> bool:
        """Whether this user's last login from there succeeded."""
        return self._ask(lambda state: state.knows(address, user))

    def failed(self, address: str, level: int, user: str, password: str = "") -> None:
        """A login failed that began at `level`."""
        self._ask(lambda state: state.failed(address, level, user, password))

    def succeeded(self, address: str, user: str) -> None:
        """A login succeeded."""
        self._ask(lambda state: state.succeeded(address, user))

    def penalties(self) -> list[Penalised]:
        """The networks that have a level now."""
        return self._ask(lambda state: state.penalties())

    def clear_penalty(self, address: str) -> None:
        """Forget the failures of an address, or all."""
        self._tell_both(lambda state: state.clear_penalty(address))

    def enter(self, user: str, address: str, most: int) -> bool:
        """Count one more connection, unless there are `most`."""
        try:
            return self._ask_shared(lambda state: state.enter(user, address, most))
        except StateLost:
            is_in = self._local.enter(user, address, most)
            if is_in:
                self._here[user, network_of(address)] += 1
            return is_in

    def leave(self, user: str, address: str) -> None:
        """One less."""
        key = (user, network_of(address))
        if key in self._here:
            self._local.leave(user, address)
            self._here[key] -= 1
            if not self._here[key]:
                del self._here[key]
            return
        try:
            self._ask_shared(lambda state: state.leave(user, address))
        except StateLost:
            self._ended.append((user, address))

    def refused(self, user: str, *, of_others: bool) -> None:
        """One more refusal."""
        self._ask(lambda state: state.refused(user, of_others=of_others))

    def too_many_refusals(self, user: str, *, of_others: bool) -> bool:
        """Whether IMAP servers are not to be asked for this user now."""
        return self._ask(lambda state: state.too_many_refusals(user, of_others=of_others))

    def forget_refusals(self) -> None:
        """The servers, or our logins there, are others now."""
        self._tell_both(lambda state: state.forget_refusals())

    def _ask(self, question: Callable[[LoginState], T]) -> T:
        try:
            return self._ask_shared(question)
        except StateLost:
            return question(self._local)

    def _tell_both(self, news: Callable[[LoginState], None]) -> None:
        news(self._local)
        with suppress(StateLost):
            self._ask_shared(news)

    def _ask_shared(self, question: Callable[[LoginState], T]) -> T:
        """The answer of the state itself. Raises StateLost, at once where it is left alone."""
        if self._pause and time.monotonic() < self._next_try:
            raise StateLost("left alone")
        is_trial = self._pause > 0
        if is_trial:
            self._next_try = time.monotonic() + self._pause  # nobody else tries meanwhile
        try:
            answer = question(self._state)
        except StateLost as lost:
            self._note_loss(lost, is_trial=is_trial)
            raise
        if is_trial:
            self._pause = 0.0
            if self._is_news(SharedState.notes_return):
                _log.info("%s is back", self._name)
            self._tell_what_ended()
        return answer

    def _tell_what_ended(self) -> None:
        ended, self._ended = self._ended, []
        for user, address in ended:
            self.leave(user, address)

    def _note_loss(self, lost: StateLost, *, is_trial: bool) -> None:
        if is_trial:
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
        elif self._pause:
            return  # it was asked before that was known
        else:
            self._pause = FIRST_PAUSE
            if self._is_news(SharedState.notes_loss):
                _log.error("%s does not answer, and logins are counted here meanwhile: %s", self._name, lost)
        self._next_try = time.monotonic() + self._pause

    def _is_news(self, note: Callable[[SharedState, str], bool]) -> bool:
        """Whether no other process has said it."""
        try:
            return self._others is None or note(self._others, self._name)
        except StateLost:
            return True
