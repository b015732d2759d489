"""allof, anyof, not, true, false (RFC 5228 5), and size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gsubmit.sieve.call import Call
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Known, Machine, Test
from gsubmit.sieve.words import Nested, Tag, Takes, Word


@dataclass(frozen=True, slots=True)
class _Constant:
    value: bool

    def holds(self, machine: Machine) -> bool:
        return self.value


@dataclass(frozen=True, slots=True)
class _Not:
    test: Test

    def holds(self, machine: Machine) -> bool:
        machine.work()
        return not self.test.holds(machine)


@dataclass(frozen=True, slots=True)
class _Several:
    """True if one test is `decisive`, as soon as one is; else the other value."""

    tests: Sequence[Test]
    decisive: bool

    def holds(self, machine: Machine) -> bool:
        for test in self.tests:
            machine.work()
            if test.holds(machine) is self.decisive:
                return self.decisive
        return not self.decisive


@dataclass(frozen=True, slots=True)
class _Size:
    octets: int
    is_over: bool

    def holds(self, machine: Machine) -> bool:
        size = machine.mail.size
        return size > self.octets if self.is_over else size < self.octets


def _not(call: Call) -> Test:
    test = call.tests[0]
    return Known(not test.value) if isinstance(test, Known) else _Not(test)


def _several(call: Call, decisive: bool) -> Test:
    known = [test.value for test in call.tests if isinstance(test, Known)]
    if decisive in known:
        return Known(decisive)
    if len(known) == len(call.tests):
        return Known(not decisive)
    return _Several(call.tests, decisive)


def _size(call: Call) -> Test:
    if not call.has("limit"):
        raise Mistake("size needs ':over' or ':under'")
    return _Size(call.number("limit"), call.tag("limit", "") == "over")


WORDS = (
    Word("true", lambda call: _Constant(True), is_test=True),
    Word("false", lambda call: _Constant(False), is_test=True),
    Word("not", _not, is_test=True, nested=Nested.ONE),
    Word("allof", lambda call: _several(call, False), is_test=True, nested=Nested.LIST, decided_by=False),
    Word("anyof", lambda call: _several(call, True), is_test=True, nested=Nested.LIST, decided_by=True),
    Word(
        "size",
        _size,
        is_test=True,
        tags=(Tag("over", Takes.NUMBER, group="limit"), Tag("under", Takes.NUMBER, group="limit")),
    ),
)
