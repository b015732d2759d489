"""A script, compiled and run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import NamedTuple

from gsubmit.sieve.checking import Program, TooManyProblems, Vocabulary, Workshop
from gsubmit.sieve.errors import Mistake, Problem, SieveError
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.machine import Machine, Stop
from gsubmit.sieve.mail import Mail, World
from gsubmit.sieve.result import Result
from gsubmit.sieve.vocabulary import EXTENSIONS, VOCABULARY

DEFAULTS = Limits()


class Source(NamedTuple):
    """The text of a script, and its path: what it is called in errors, and is known again by."""

    name: str
    text: str | bytes


def _nothing(name: str, is_global: bool) -> None:
    return None


class Script:
    """A script that can be run, on one message after another."""

    __slots__ = ("_limits", "_program", "missing", "name")

    def __init__(self, program: Program, limits: Limits, missing: Sequence[Problem]) -> None:
        self.name = program.name
        self.missing = tuple(missing)  # scripts that it includes, and that are not there
        self._program = program
        self._limits = limits

    def run(self, mail: Mail, world: World, result: Result | None = None) -> Result:
        """What is to be done. Raises SieveError.

        The actions come on top of those in `result`, which scripts before this one have asked for; limits and what
        goes together count for all.
        """
        result = Result() if result is None else result
        machine = Machine(self.name, mail, world, result, self._limits)
        machine.shared.begin(self._program)
        try:
            self._program.block.run(machine)
        except Stop:
            pass
        except Mistake as error:
            raise SieveError(Problem(machine.scope.name, machine.line, str(error))) from None
        except RecursionError:
            raise SieveError(Problem(machine.scope.name, machine.line, "too many blocks within each other")) from None
        result.flags = machine.flags
        return result


def compile_script(
    text: str | bytes,
    name: str,
    *,
    limits: Limits = DEFAULTS,
    offered: Collection[str] = EXTENSIONS,
    find: Callable[[str, bool], Source | None] = _nothing,
    pause: Callable[[], None] = lambda: None,
    vocabulary: Vocabulary = VOCABULARY,
    is_traced: bool = False,
) -> Script:
    """A script that stands in `text`. Raises SieveError with all that is wrong.

    `offered` are the extensions that it may require; `find` has a script that is included, by its name and whether it
    is global, or None; `pause` is called now and then. A traced script says what it does (World.trace).
    """

    def found(name: str, is_global: bool) -> tuple[str, str] | None:
        source = find(name, is_global)
        return None if source is None else (source.name, _decoded(source.text, source.name))

    shop = Workshop(vocabulary, limits, offered, found, pause, is_traced)
    program = shop.program(name, _decoded(text, name))
    with suppress(TooManyProblems):
        shop.compile()
    if shop.problems:
        raise SieveError(*shop.problems)
    return Script(program, limits, shop.missing)


def _decoded(text: str | bytes, name: str) -> str:
    """Scripts are UTF-8 (RFC 5228 2.1), without NUL. Raises SieveError."""
    octets = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    try:
        decoded = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SieveError(Problem(name, octets.count(b"\n", 0, error.start) + 1, "the script is not UTF-8")) from None
    if "\0" in decoded:
        raise SieveError(Problem(name, decoded.count("\n", 0, decoded.index("\0")) + 1, "NUL in the script"))
    return decoded.removeprefix("\ufeff")
