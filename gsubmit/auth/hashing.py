"""Comparing passwords without holding up the other sessions: slow hashes are computed in threads.

One user has one computation at a time, so that one costly entry does not take all threads.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, TypeVarTuple

from gevent.threadpool import ThreadPool

from gsubmit.auth.passdb import Origin, Unavailable, held
from gsubmit.auth.schemes.scheme import Incomparable, SchemeError
from gsubmit.auth.schemes.stored import Rules, StoredPassword
from gsubmit.metrics import current
from gsubmit.metrics.figures import HASHES, HASHES_QUEUED
from gsubmit.net.slots import Slots, SlotsByKey
from gsubmit.sasl.claims import Cleartext

# Nearly all schemes let other threads run meanwhile, so more than one helps; argon2 takes 64 MB at a time.
MAX_THREADS = 4
USUAL_MEMORY = 64 << 20  # octets, argon2's with the parameters of Dovecot, PHP and RFC 9106; more has one at a time
_TOO_MANY = "too many passwords to compare at the same time"
SLOT_TIMEOUT = 30.0  # seconds to wait for a slot

_COMPUTED, _QUEUED = HASHES.at(), HASHES_QUEUED.at()

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


def compare(hashed: StoredPassword, claim: Cleartext, origin: Origin, rules: Rules) -> bool:
    """Whether it is the password that is claimed. Other greenlets run while a slow hash is computed.

    SchemeError for one that is not compared, Unavailable where that cannot be done now, or what `origin.check_wanted`
    raises, which is called before a slow hash.
    """
    user, password = claim.authentication_id, claim.password
    rules.check(hashed)
    try:
        if hashed.is_cheap:
            return hashed.matches(password, user)
        current.row[_QUEUED] += 1
        try:
            with _slot(user, hashed.cost.octets):
                origin.check_wanted()
                return run(hashed.matches, password, user)
        finally:
            current.row[_QUEUED] -= 1
    except Incomparable:  # what the client has sent is no fault of ours, and must not look like one
        return False


def run(function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
    """What the function returns, computed in a thread while other greenlets run.

    SchemeError if it raises that, Unavailable for whatever else it raises, such as MemoryError.
    """
    current.row[_COMPUTED] += 1
    outcome: Result | Exception = _threads().apply(_outcome, (function, arguments))
    if isinstance(outcome, SchemeError):
        raise outcome
    if isinstance(outcome, Exception):  # its text may hold the hash
        raise Unavailable(f"cannot compute the hash: {type(outcome).__name__}")
    return outcome


def _outcome(function: Callable[[*Arguments], Result], arguments: tuple[*Arguments]) -> Result | Exception:
    """The result, or what went wrong: returned, since gevent prints whatever a thread raises."""
    try:
        return function(*arguments)
    except Exception as failure:
        return failure


def _size() -> int:
    return max(2, min(MAX_THREADS, os.cpu_count() or 1))


@functools.cache
def _threads() -> ThreadPool:
    return ThreadPool(_size())


users = SlotsByKey()  # who has a computation, or waits for one
_large = Slots(1)
_slow = Slots(_size())


@contextmanager
def _slot(user: str, memory: float) -> Iterator[None]:
    """This user's slot, and then a thread's. Whoever waits here has no thread yet, and can be ended from outside."""
    with users.slot(user, 1, SLOT_TIMEOUT) as is_taken:
        if not is_taken:
            raise Unavailable("too many logins of this user at the same time")
        large = _large if memory > USUAL_MEMORY else Slots(0)
        with held(large, SLOT_TIMEOUT, _TOO_MANY), held(_slow, SLOT_TIMEOUT, _TOO_MANY):
            yield
