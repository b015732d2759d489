"""Errors that nobody caught in any greenlet: gevent only prints them, tests are to fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent


@contextmanager
def noted() -> Iterator[list[str]]:
    """The uncaught errors of all greenlets while the block runs."""
    hub = gevent.get_hub()
    report = hub.handle_error
    crashes: list[str] = []

    def note(context: Any, kind: Any, value: Any, trace: Any) -> None:
        if isinstance(kind, type) and not issubclass(kind, hub.NOT_ERROR):
            crashes.append(f"{kind.__name__}: {value} in {context}")
        report(context, kind, value, trace)

    hub.handle_error = note  # type: ignore[method-assign, assignment]
    try:
        yield crashes
    finally:
        del hub.handle_error
