"""Comparing passwords without holding up the other sessions: slow hashes are computed in threads."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from gevent.threadpool import ThreadPool

from gsubmit.auth.schemes import Incomparable, SchemeError, StoredPassword, parse

# Nearly all schemes let other threads run meanwhile, so more than one helps; argon2 takes 64 MB at a time.
MAX_THREADS = 4

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


def check(stored: str, default_scheme: str, password: str, *, user: str = "", allow_weak: bool = True) -> bool:
    """Whether `stored` is a form of `password`, or SchemeError. Other greenlets run while a slow hash is computed."""
    return compare(parse(stored, default_scheme), password, user=user, allow_weak=allow_weak)


def compare(hashed: StoredPassword, password: str, *, user: str = "", allow_weak: bool = True) -> bool:
    """The same for a stored password that was parsed already."""
    if not allow_weak and hashed.is_weak:
        raise SchemeError("weak password scheme, see auth_allow_weak_schemes")
    try:
        return hashed.matches(password, user) if hashed.is_cheap else run(hashed.matches, password, user)
    except Incomparable:  # what the client has sent is no fault of ours, and must not look like one
        return False


def run(function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
    """What the function returns, computed in a thread while other greenlets run. SchemeError for whatever it raises."""
    outcome: Result | Exception = _threads().apply(_outcome, (function, arguments))
    if isinstance(outcome, SchemeError):
        raise outcome
    if isinstance(outcome, Exception):  # its text may hold the hash
        raise SchemeError(f"cannot compute the hash: {type(outcome).__name__}")
    return outcome


def _outcome(function: Callable[[*Arguments], Result], arguments: tuple[*Arguments]) -> Result | Exception:
    """The result, or what went wrong: returned, since gevent prints whatever a thread raises."""
    try:
        return function(*arguments)
    except Exception as failure:
        return failure


@functools.cache
def _threads() -> ThreadPool:
    return ThreadPool(max(2, min(MAX_THREADS, os.cpu_count() or 1)))
