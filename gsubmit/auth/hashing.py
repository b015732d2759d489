"""Comparing passwords without holding up the other sessions: slow hashes are computed in threads."""

from __future__ import annotations

import functools
import os

from gevent.threadpool import ThreadPool

from gsubmit.auth.schemes import SchemeError, StoredPassword, parse

# bcrypt and argon2 let other threads run meanwhile, so more than one helps; argon2 takes 64 MB at a time.
MAX_THREADS = 4


def check(stored: str, default_scheme: str, password: str) -> bool:
    """Whether `stored` is a form of `password`, or SchemeError. Other greenlets run while a slow hash is computed."""
    hashed = parse(stored, default_scheme)
    if hashed.scheme.cheap:
        return hashed.matches(password)
    outcome = _threads().apply(_outcome, (hashed, password))
    if isinstance(outcome, SchemeError):
        raise outcome
    if isinstance(outcome, Exception):  # its text may hold the hash
        raise SchemeError(f"cannot compute the hash: {type(outcome).__name__}")
    return bool(outcome)


def _outcome(hashed: StoredPassword, password: str) -> bool | Exception:
    """The answer, or what went wrong: returned, since gevent prints whatever a thread raises."""
    try:
        return hashed.matches(password)
    except Exception as failure:
        return failure


@functools.cache
def _threads() -> ThreadPool:
    return ThreadPool(max(2, min(MAX_THREADS, os.cpu_count() or 1)))
