"""The grammar of a script (RFC 5228 8.2): commands with arguments, tests and blocks, whatever they mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from gsubmit.sieve.lexer import Kind, Misread, Token, tokens


class TagWord(NamedTuple):
    """`:name`."""

    name: str
    line: int


class Number(NamedTuple):
    """Such as 100K."""

    value: int
    line: int


class Strings(NamedTuple):
    """A string, or a list of them in square brackets."""

    values: tuple[str, ...]
    line: int
    is_list: bool


Argument = TagWord | Number | Strings


@dataclass(slots=True)
class Phrase:
    """A command, or a test, as it is written. `block` is None where a semicolon stands."""

    name: str
    line: int
    arguments: list[Argument] = field(default_factory=list)
    tests: list[Phrase] = field(default_factory=list)
    has_list: bool = False  # the tests are in parentheses
    block: list[Phrase] | None = None


def parse(script: str, nesting: int, pause: Callable[[], None]) -> list[Phrase]:
    """The commands of a script. Raises Misread."""
    return _Parser(script, nesting, pause).script()


class _Parser:
    """One script, token by token; `here` is the next one."""

    __slots__ = ("_nesting", "_tokens", "here")

    def __init__(self, script: str, nesting: int, pause: Callable[[], None]) -> None:
        self._tokens = tokens(script, pause)
        self._nesting = nesting
        self.here = next(self._tokens)

    def _take(self) -> Token:
        taken = self.here
        if taken.kind is not Kind.END:
            self.here = next(self._tokens)
        return taken

    def _is_sign(self, sign: str) -> bool:
        return self.here.kind is Kind.SIGN and self.here.text == sign

    def _expect(self, sign: str, after: str) -> None:
        if not self._is_sign(sign):
            raise Misread(self.here.line, f"expected '{sign}' {after}, found {self.here}")
        self._take()

    def script(self) -> list[Phrase]:
        commands = []
        while self.here.kind is not Kind.END:
            commands.append(self._command(0))
        return commands

    def _command(self, depth: int) -> Phrase:
        command = self._phrase("a command", 0)
        if not self._is_sign("{"):
            self._expect(";", f"after command '{command.name}'")
            return command
        if depth >= self._nesting:
            raise Misread(self.here.line, f"more than {self._nesting} blocks within each other")
        self._take()
        command.block = []
        while not self._is_sign("}"):
            if self.here.kind is Kind.END:
                raise Misread(self.here.line, f"expected '}}' for the block of line {command.line}, found the end")
            command.block.append(self._command(depth + 1))
        self._take()
        return command

    def _phrase(self, what: str, depth: int) -> Phrase:
        """A word with its arguments and tests."""
        word = self.here
        if word.kind is not Kind.WORD:
            raise Misread(word.line, f"expected {what}, found {word}")
        if depth > self._nesting:
            raise Misread(self.here.line, f"more than {self._nesting} tests within each other")
        self._take()
        phrase = Phrase(word.text, word.line)
        while (argument := self._argument()) is not None:
            phrase.arguments.append(argument)
        if self.here.kind is Kind.WORD:
            phrase.tests.append(self._phrase("a test", depth + 1))
        elif self._is_sign("("):
            self._take()
            phrase.has_list = True
            phrase.tests.append(self._phrase("a test", depth + 1))
            while self._is_sign(","):
                self._take()
                phrase.tests.append(self._phrase("a test", depth + 1))
            self._expect(")", "after the tests")
        return phrase

    def _argument(self) -> Argument | None:
        here = self.here
        if here.kind is Kind.TAG:
            self._take()
            return TagWord(here.text, here.line)
        if here.kind is Kind.NUMBER:
            self._take()
            return Number(here.number, here.line)
        if here.kind is Kind.STRING:
            self._take()
            return Strings((here.text,), here.line, is_list=False)
        if self._is_sign("["):
            return self._string_list()
        return None

    def _string_list(self) -> Strings:
        line = self._take().line
        values = [self._string()]
        while self._is_sign(","):
            self._take()
            values.append(self._string())
        self._expect("]", "after the strings")
        return Strings(tuple(values), line, is_list=True)

    def _string(self) -> str:
        if self.here.kind is not Kind.STRING:
            raise Misread(self.here.line, f"expected a string, found {self.here}")
        return self._take().text
