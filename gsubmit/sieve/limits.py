"""What a script may use up. The defaults are those of Pigeonhole, where it has such a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

MAX_PROBLEMS = 20  # that are told of one script


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are octets of UTF-8, but for `variable_size`, which are characters."""

    # With all that it includes; of Pigeonhole's 1 MB the objects take too long to be collected.
    script_size: int = 1 << 18
    nesting: int = 32  # blocks in blocks, and tests in tests; RFC 5228 2.10.7 wants 15
    actions: int = 32
    redirects: int = 4
    includes: int = 255  # scripts that one script includes, and those that they include
    include_depth: int = 10
    match_values: int = 32
    string_size: int = 1 << 20  # of one that is made at run time
    variables: int = 255  # RFC 5229 6 wants 128
    variable_size: int = 4000  # RFC 5229 6; longer values are cut off
    loop_depth: int = 4  # foreverypart in foreverypart
    part_size: int = 1 << 20  # of the content of a part; nobody looks at what comes behind it
    work: int = 1_000_000  # commands, tests and comparisons; some seconds
    header_size: int = 2048  # the value of a field that is added


STRIDE = 512  # characters that are compared, or put together, by one unit of work
TURN = 100  # units of work after which others may run: less than a millisecond
Thing = TypeVar("Thing")


def in_turns(things: Iterable[Thing], pause: Callable[[], None]) -> Iterator[Thing]:
    """The same things, while others run now and then."""
    for at, thing in enumerate(things, 1):
        if at % TURN == 0:
            pause()
        yield thing
