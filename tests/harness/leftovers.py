"""Greenlets that a test leaves behind: what they log later is not of the tests that come after it."""

from __future__ import annotations

import logging
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import gevent

_tests = count(1)
_current = 0
_spawned_in: WeakKeyDictionary[gevent.Greenlet[..., Any], int] = WeakKeyDictionary()


@gevent.Greenlet.add_spawn_callback
def _note(greenlet: gevent.Greenlet[..., Any]) -> None:
    _spawned_in[greenlet] = _current


def begin_test() -> None:
    """What is spawned from now on is another test's."""
    global _current  # noqa: PLW0603 - of this process, as the tests are
    _current = next(_tests)


def is_own(_: logging.LogRecord) -> bool:
    """A filter: whether the record was not made by a greenlet of an earlier test."""
    greenlet = gevent.getcurrent()
    return not isinstance(greenlet, gevent.Greenlet) or _spawned_in.get(greenlet, _current) == _current
