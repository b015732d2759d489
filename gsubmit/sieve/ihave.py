"""ihave and error (RFC 5463)."""

from __future__ import annotations

from dataclasses import dataclass

from gsubmit.sieve.call import Call
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Command, Known, Machine, Test
from gsubmit.sieve.strings import Text
from gsubmit.sieve.words import Takes, Word

# They change how a script is read, RFC 5463 4: ihave never has them, unless they were required.
_FOR_REQUIRE = {"variables", "encoded-character"}
_LONGEST = 400  # characters of what an error says


@dataclass(frozen=True, slots=True)
class _Error:
    text: Text

    def run(self, machine: Machine) -> None:
        raise Mistake(self.text.of(machine)[:_LONGEST])


def _ihave(call: Call) -> Test:
    home, names = call.home, call.constants("names")
    if not all(home.has(name) or (home.offers(name) and name not in _FOR_REQUIRE) for name in names):
        return Known(value=False)
    home.require(names)
    return Known(value=True)


def _error(call: Call) -> Command:
    return _Error(call.text("text"))


WORDS = (
    Word("ihave", _ihave, (("names", Takes.CONSTANTS),), extension="ihave", is_test=True),
    Word("error", _error, (("text", Takes.STRING),), extension="ihave"),
)
