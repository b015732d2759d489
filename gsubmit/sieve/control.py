"""Control: if and stop (RFC 5228 3)."""

from __future__ import annotations

from gsubmit.sieve.call import Call
from gsubmit.sieve.machine import Block, Machine, Stop, Test
from gsubmit.sieve.words import Word


class If:
    """if, elsif and else (RFC 5228 3.1). The test of else is None."""

    __slots__ = ("branches", "is_decided")

    def __init__(self) -> None:
        self.branches: list[tuple[Test | None, Block]] = []
        self.is_decided = False  # no other branch is ever taken

    def run(self, machine: Machine) -> None:
        """The first branch whose test holds."""
        for test, block in self.branches:
            machine.work()
            if test is None or test.holds(machine):
                block.run(machine)
                return


class _Stop:
    def run(self, machine: Machine) -> None:
        raise Stop


def _stop(call: Call) -> _Stop:
    return _Stop()


WORDS = (Word("stop", _stop),)
