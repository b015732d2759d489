"""Plugins are asked in their order, within their time; whatever one of them does, the session goes on."""

from __future__ import annotations

import functools
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import AsyncResult
from gevent.pool import Pool
from gevent.threadpool import ThreadPool

from gsubmit.plugins.deadlines import Deadlines
from gsubmit.plugins.plugin import MOMENTS, Plugin, moments_of
from gsubmit.smtp.reply import Refused, Reply

TOTAL_TIME = 120.0  # seconds for all plugins at one moment; clients wait ten minutes (RFC 5321 4.5.3.2.6)
HELD = 0.1  # seconds without a wait that are worth a line in the log
MAX_THREADS = 8
MAX_STUCK = 100  # threads that were given up and go on; beyond that they are of the eight
SWITCH_INTERVAL = 0.0005  # seconds that a thread computes while the loop has work; Python's 5 ms add up in each session
MAX_BACKGROUND = 1000  # calls at `submitted` and `ended` at a time
BACKGROUND_TIME = 3.0  # seconds for them when no session is left, before plugins are told so
MAX_TEXT = 1000  # characters of a plugin's reply
_UNANSWERED = ("submitted", "ended", "stopped")
_CODES = {"connected": (554, 421), "authenticated": (454, 535)}
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
FAILED = Reply(451, "4.3.0", "Cannot do that now, try again later")
_FAILURES = {
    "connected": Reply(421, "4.3.0", "Cannot serve now, try again later"),
    "authenticated": Reply(454, "4.3.0", "Cannot log in now, try again later"),
}
_log = logging.getLogger("gsubmit.plugins")


class PluginFailed(Exception):
    """A plugin has not done what it should; its line is in the log."""


class _Late(BaseException):
    """Thrown into a plugin whose time is over."""


@dataclass(frozen=True, slots=True)
class Running:
    """A plugin that is loaded, and how it is called. `accepts`: its failures are as if it were not there."""

    name: str
    plugin: Plugin
    timeout: float = 30.0
    threaded: bool = False
    accepts: bool = False


@dataclass(frozen=True, slots=True)
class Plugins:
    """For each moment those that want to be asked. `passes` is what is thrown into sessions, and not a plugin's.

    `amending` are the names of those that have changed an envelope, and are expected to do so again.
    """

    connected: tuple[Running, ...] = ()
    authenticated: tuple[Running, ...] = ()
    sender: tuple[Running, ...] = ()
    recipient: tuple[Running, ...] = ()
    message: tuple[Running, ...] = ()
    submitted: tuple[Running, ...] = ()
    ended: tuple[Running, ...] = ()
    all: tuple[Running, ...] = ()
    passes: tuple[type[BaseException], ...] = (gevent.GreenletExit,)
    amending: set[str] = field(default_factory=set, compare=False)
    _deadlines: Deadlines = field(default_factory=Deadlines, compare=False, repr=False)
    _background: Pool = field(default_factory=lambda: Pool(MAX_BACKGROUND), compare=False, repr=False)

    def ask(self, moment: str, id: str, *arguments: Any) -> Reply | None:
        """The first verdict that is not None."""
        deadline = time.monotonic() + TOTAL_TIME
        for running in getattr(self, moment):
            verdict = self.verdict(running, moment, id, deadline, *arguments)
            if verdict is not None:
                return verdict
        return None

    def verdict(self, running: Running, moment: str, id: str, deadline: float, *arguments: Any) -> Reply | None:
        """What one plugin says; its failure is a verdict too, unless it `accepts`."""
        try:
            return self.said(running, moment, deadline, *arguments)
        except self.passes:
            raise
        except BaseException as error:
            return self.failed(running, moment, id, error)

    @staticmethod
    def failed(running: Running, moment: str, id: str, error: BaseException) -> Reply | None:
        """What a plugin has raised, which is not of `passes`, gets a line in the log; the verdict that comes of it."""
        _log.error("plugin %s failed at %s of %s", running.name, moment, id, exc_info=error)
        return None if running.accepts else _FAILURES.get(moment, FAILED)

    def said(self, running: Running, moment: str, deadline: float, *arguments: Any) -> Reply | None:
        """What one plugin says, checked. Raises whatever it does, and PluginFailed."""
        began = time.monotonic()
        end = min(began + running.timeout, deadline)
        loop = gevent.get_hub().loop
        turn, late = loop.iteration, _Late()
        self._deadlines.begin(late, end)
        try:
            method = getattr(running.plugin, moment)
            answer = _in_thread(method, arguments) if running.threaded else method(*arguments)
        except Refused as refused:
            answer = refused.reply
        except _Late as thrown:
            if thrown is not late:
                raise
            answer = None
        finally:
            self._deadlines.end(late)
            took = time.monotonic() - began
            if took > HELD and turn == loop.iteration:
                _log.warning("plugin %s held up all sessions for %.0f ms at %s", running.name, took * 1000, moment)
        if began + took >= end:  # also who only computes, or has swallowed what was thrown
            raise PluginFailed(f"took longer than {max(end - began, 0):.3g} s")
        return None if answer is None or moment in _UNANSWERED else checked(answer, moment)

    def later(self, moment: str, id: str, *arguments: Any) -> None:
        """Ask in the background; nobody waits for it."""
        if self._background.full():
            _log.warning("too many calls of plugins at %s: none for %s", moment, id)
        else:
            self._background.spawn(self.ask, moment, id, *arguments)

    def stop(self) -> None:
        """When no session is left: wait for what is still done in the background, and for what plugins have left."""
        self._background.join(timeout=BACKGROUND_TIME)
        deadline = time.monotonic() + TOTAL_TIME
        wanted = [one for one in self.all if type(one.plugin).stopped is not Plugin.stopped]
        asked = [gevent.spawn(self.verdict, one, "stopped", "this process", deadline) for one in wanted]
        try:
            gevent.joinall(asked)
        finally:
            gevent.killall(asked, block=False)


def arranged(plugins: Sequence[Running], passes: Iterable[type[BaseException]] = ()) -> Plugins:
    """By the moments that each has a method for."""
    by_moment: dict[str, Any] = {
        moment: tuple(one for one in plugins if moment in moments_of(type(one.plugin))) for moment in MOMENTS
    }
    return Plugins(**by_moment, all=tuple(plugins), passes=(gevent.GreenletExit, *passes))


def checked(verdict: object, moment: str) -> Reply | None:
    """A verdict that can be told at this moment, its text in one line. Raises PluginFailed for any other."""
    if verdict is None:
        return None
    if not isinstance(verdict, Reply) or type(verdict.code) is not int:
        raise PluginFailed(f"a verdict that is neither None nor a Reply: {verdict!r:.100}")
    allowed = _CODES.get(moment, ())
    if verdict.code not in allowed if allowed else not 400 <= verdict.code < 560:
        raise PluginFailed(f"a reply with code {verdict.code}, which is none for {moment}")
    status, text = verdict.status, verdict.text
    if not isinstance(status, str) or not isinstance(text, str):
        raise PluginFailed("a reply whose status or text is no str")
    if status and not (_STATUS.fullmatch(status) and status[0] == str(verdict.code)[0]):
        raise PluginFailed(f"a reply with status {status[:20]!r}, which does not go with code {verdict.code}")
    words = " ".join(text[:MAX_TEXT].split())
    shown = "".join(one if " " <= one <= "~" else "?" for one in words)
    return Reply(verdict.code, status if status or moment == "connected" else f"{verdict.code // 100}.0.0", shown)


def _in_thread(method: Callable[..., object], arguments: tuple[Any, ...]) -> object:
    pool = _threads()
    call: AsyncResult[tuple[object, BaseException | None]] = pool.spawn(_outcome, method, arguments)
    try:
        outcome = call.get()
    except BaseException:  # its time is over, or the session's: the thread goes on, and others get one in its place
        if pool.maxsize < MAX_THREADS + MAX_STUCK:
            pool.maxsize += 1
            call.rawlink(lambda _: _let_go(pool))
        raise
    assert outcome is not None
    answer, error = outcome
    if error is not None:
        raise error
    return answer


def _let_go(pool: ThreadPool) -> None:
    """A thread that was given up has come to its end."""
    pool.maxsize -= 1


def _outcome(method: Callable[..., object], arguments: tuple[Any, ...]) -> tuple[object, BaseException | None]:
    """The result, or what went wrong: returned, since gevent prints whatever a thread raises."""
    try:
        return method(*arguments), None
    except BaseException as error:
        return None, PluginFailed(repr(error)) if isinstance(error, gevent.GreenletExit) else error


@functools.cache
def _threads() -> ThreadPool:
    sys.setswitchinterval(SWITCH_INTERVAL)
    return ThreadPool(MAX_THREADS)
