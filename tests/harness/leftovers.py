"""Greenlets that a test leaves behind: what they log later is not of the tests that come after it."""

from __future__ import annotations

import logging
from typing import Any
from weakref import WeakSet

import gevent

_own: WeakSet[gevent.Greenlet[..., Any]] = WeakSet()
_earlier: WeakSet[gevent.Greenlet[..., Any]] = WeakSet()

gevent.Greenlet.add_spawn_callback(_own.add)


def begin_test() -> None:
    """What is spawned from now on is another test's."""
    _earlier.update(_own)
    _own.clear()


def is_own(_: logging.LogRecord) -> bool:
    """A filter: whether the record was not made by a greenlet of an earlier test."""
    return gevent.getcurrent() not in _earlier
