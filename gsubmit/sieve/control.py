"""Control: if and stop (RFC 5228 3)."""

from __future__ import annotations

from gsubmit.sieve.machine import Block, Machine, Stop, Test
from gsubmit.sieve.words import Word


class If:
    """if, elsif or else (RFC 5228 3.1): what is done if its test holds, or else the next one. else has no test."""

    __slots__ = ("block", "otherwise", "test")

    def __init__(self, test: Test | None, block: Block) -> None:
        self.test = test
        self.block = block
        self.otherwise: If | None = None

    def run(self, machine: Machine) -> None:
        """The first block whose test holds."""
        branch: If | None = self
        while branch is not None:
            machine.work()
            if branch.test is None or branch.test.holds(machine):
                branch.block.run(machine)
                return
            branch = branch.otherwise


class _Stop:
    __slots__ = ()

    def run(self, machine: Machine) -> None:
        raise Stop


WORDS = (Word("stop", lambda call: _Stop()),)
