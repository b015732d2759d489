"""Work that may block on the disk or on a reader, such as writing a log: done in a thread, in order, within bounds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from gevent import monkey

Item = TypeVar("Item")

BATCH = 1000  # items handed over at a time
PAUSE = 0.02  # seconds from one batch to the next: under load few system calls and changes of threads do
RETRY = 1.0  # seconds until work that failed is tried again
_DRAIN_STEP = 0.005  # seconds

# A thread of the system, and what belongs to it: under gevent's patch a Thread is a greenlet like any other.
_start_new_thread = monkey.get_original("_thread", "start_new_thread")
_allocate_lock = monkey.get_original("_thread", "allocate_lock")
_sleep = monkey.get_original("time", "sleep")


class Background(Generic[Item]):
    """A queue of at most `limit` octets and a thread that hands its items to `work`, oldest first.

    `work` takes from the list what it has done with. When it raises OSError the rest is handed to it again, before
    anything newer. Nothing here waits for the thread but drain().
    """

    def __init__(self, work: Callable[[list[Item]], None], limit: int) -> None:
        self._work = work
        self._limit = limit
        self._queue: deque[tuple[Item, int]] = deque()
        self._put_size = 0  # octets, counted up by whoever puts
        self._done_size = 0  # octets, counted up by the thread
        self._is_running = False
        self._is_idle = False
        self._is_busy = False
        self._is_closed = False
        self._wake = _allocate_lock()

    # No locks here: the deque is safe without, and code that runs at any moment, such as a finalizer, may put too.

    @property
    def is_full(self) -> bool:
        """Whether what waits has reached the limit."""
        return self._put_size - self._done_size >= self._limit

    def put(self, item: Item, size: int) -> bool:
        """Queue an item of `size` octets; False when there is no room for it. What has no size has room."""
        if size and self.is_full:
            return False
        self._put_size += size
        self._queue.append((item, size))
        if self._is_idle:
            self._is_idle = False
            self._rouse()
        elif not self._is_running:
            self._start()
        return True

    def _start(self) -> None:
        self._is_running = True
        try:
            _start_new_thread(self._run, ())
        except RuntimeError:  # no further thread can be had now
            self._is_running = False

    def _rouse(self) -> None:
        with suppress(RuntimeError):  # it is about to look anyway
            self._wake.release()

    def drain(self, seconds: float) -> bool:
        """Wait, with the whole process, until all is done; False when that takes longer."""
        end = time.monotonic() + seconds
        while self._queue or self._is_busy:
            if time.monotonic() >= end or not self._is_running:
                return False
            _sleep(_DRAIN_STEP)
        return True

    def close(self, seconds: float) -> bool:
        """End the thread, which has `seconds` to do what is left; whether it has."""
        has_drained = self.drain(seconds)
        self._is_closed = True
        self._rouse()
        return has_drained

    # In the thread

    def _run(self) -> None:
        self._wake.acquire()
        while not self._is_closed:
            self._is_busy = True
            self._do_batch()
            self._is_busy = False
            _sleep(PAUSE)
            self._is_idle = True
            if not self._queue and not self._is_closed:
                self._wake.acquire()
            self._is_idle = False

    def _do_batch(self) -> None:
        items: list[Item] = []
        size = 0
        while self._queue and len(items) < BATCH:
            item, its_size = self._queue.popleft()
            items.append(item)
            size += its_size
        while items and not self._is_closed:
            try:
                self._work(items)
            except OSError:
                _sleep(RETRY)
            except Exception:  # a fault of ours: these items are lost, the next ones need not be
                break
        self._done_size += size
