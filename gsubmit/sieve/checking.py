"""From what is written to what is carried out: each command and test is checked against its declaration."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gsubmit.sieve import strings
from gsubmit.sieve.arguments import read_arguments
from gsubmit.sieve.call import Call
from gsubmit.sieve.comparators import ALWAYS_THERE
from gsubmit.sieve.control import If
from gsubmit.sieve.errors import Mistake, Problem
from gsubmit.sieve.extensions import IMPLIED, UNFIT
from gsubmit.sieve.grammar import Phrase, Strings, parse
from gsubmit.sieve.lexer import Misread
from gsubmit.sieve.limits import MAX_PROBLEMS, Limits
from gsubmit.sieve.machine import Block, Command, Known, Test
from gsubmit.sieve.references import Place, match_value
from gsubmit.sieve.strings import Piece, Text
from gsubmit.sieve.tracing import TracedCommand, TracedTest
from gsubmit.sieve.words import Nested, Word

_CHAIN = ("elsif", "else")


@dataclass(eq=False)
class Program:
    """A script whose commands can be carried out, once they are there."""

    name: str
    block: Block = field(default_factory=Block)


class TooManyProblems(Exception):
    """Nobody reads more."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All words, and of which extension each namespace of variables is, with what it makes of the name behind it."""

    words: Sequence[Word]
    namespaces: Mapping[str, tuple[str, Callable[[str], Piece]]]
    extensions: frozenset[str]


@dataclass(eq=False, slots=True)
class Workshop:
    """What the scripts that are compiled together have in common."""

    vocabulary: Vocabulary
    limits: Limits
    offered: Collection[str]
    find: Callable[[str, bool], tuple[str, str] | None]  # path and text of a script by name and whether it is global
    pause: Callable[[], None]
    is_traced: bool = False
    problems: list[Problem] = field(default_factory=list)
    programs: dict[tuple[str, bool], Program | None] = field(default_factory=dict)  # that are included
    by_path: dict[str, Program] = field(default_factory=dict)  # the main one too
    tests: dict[str, Word] = field(init=False)
    commands: dict[str, Word] = field(init=False)
    missing: list[Problem] = field(default_factory=list)  # scripts that are included, and are not there
    size: int = 0  # of all scripts
    waiting: list[tuple[Program, str]] = field(default_factory=list)  # that are included, with their texts

    def __post_init__(self) -> None:
        self.tests = {word.name: word for word in self.vocabulary.words if word.is_test}
        self.commands = {word.name: word for word in self.vocabulary.words if not word.is_test}

    def report(self, script: str, line: int, text: str) -> None:
        """One more problem. Raises TooManyProblems."""
        self.problems.append(Problem(script, line, text))
        if len(self.problems) >= MAX_PROBLEMS:
            raise TooManyProblems

    def program(self, path: str, text: str) -> Program:
        """What a script becomes when its turn comes; one and the same, by whatever names it is included."""
        if path not in self.by_path:
            self.by_path[path] = Program(path)
            self.waiting.append((self.by_path[path], text))
        return self.by_path[path]

    def compile(self) -> None:
        """Fill the programs, and those that they include, with what the scripts say; report what is wrong."""
        while self.waiting:
            self._compile(*self.waiting.pop())

    def _compile(self, program: Program, text: str) -> None:
        self.size += len(text)
        if self.size > self.limits.script_size:
            self.report(program.name, 0, f"the script has more than {self.limits.script_size} octets")
            return
        try:
            phrases = parse(text, self.limits.nesting, self.pause)
        except Misread as error:
            self.report(program.name, error.line, str(error))
            return
        program.block = _Checker(self, program.name).script(phrases)


class _Chain(NamedTuple):
    """The last branch of an if, and whether no other is ever reached (RFC 5463 4)."""

    last: If
    is_decided: bool


class _Checker:
    """One script; the Home of its words."""

    __slots__ = ("_extensions", "_shop", "commons", "limits", "loops", "name", "own_variables")

    def __init__(self, shop: Workshop, name: str) -> None:
        self.name = name
        self.limits = shop.limits
        self.commons: set[str] = set()
        self.loops: list[str] = []
        self.own_variables: set[str] = set()
        self._shop = shop
        self._extensions = set(ALWAYS_THERE)

    # What words ask of it

    def pause(self) -> None:
        self._shop.pause()

    def has(self, extension: str) -> bool:
        return extension in self._extensions

    def offers(self, extension: str) -> bool:
        return extension in self._shop.offered

    def require(self, extensions: Collection[str]) -> None:
        for extension in extensions:
            if self.offers(extension):
                self._extensions |= {extension, *IMPLIED.get(extension, ())}
            elif extension in UNFIT:
                raise Mistake(f"extension '{extension}' is not there for outgoing mail: {UNFIT[extension]}")
            else:
                raise Mistake(f"unknown extension '{extension[:80]}'")

    def text(self, string: str) -> Text:
        if self.has("encoded-character"):
            string = strings.decoded(string, self.pause)
        if self.has("variables") and "${" in string:
            return strings.template(string, self.variable, self.pause)
        return Text(string)

    def variable(self, namespace: str, name: str) -> Piece:
        """What stands for a variable in a string. Raises Mistake."""
        if not namespace and name.isdigit():
            return match_value(name, self.limits.match_values)
        if not namespace:
            return Place(name, is_common=name in self.commons).get
        first, _, rest = (namespace + name).partition(".")
        extension, piece = self._shop.vocabulary.namespaces.get(first, ("", None))
        if piece is None or not self.has(extension):
            raise Mistake(f"unknown namespace '{first[:40]}' of variables")
        return piece(rest)

    def include(self, name: str, *, is_global: bool) -> Program | None:
        shop, key = self._shop, (name, is_global)
        if key not in shop.programs:
            if len(shop.programs) >= self.limits.includes:
                raise Mistake(f"more than {self.limits.includes} scripts are included")
            found = shop.find(name, is_global)
            shop.programs[key] = None if found is None else shop.program(*found)
        return shop.programs[key]

    def misses(self, line: int, text: str) -> None:
        self._shop.missing.append(Problem(self.name, line, text))

    # The walk

    def script(self, phrases: list[Phrase]) -> Block:
        begin = 0
        for phrase in phrases:
            if phrase.name != "require":
                break
            begin += 1
            self._try(self._require, phrase)
        return self._block(phrases[begin:])

    def _try(self, check: Callable[[Phrase], None], phrase: Phrase) -> bool:
        self._shop.pause()
        try:
            check(phrase)
        except Mistake as error:
            self._shop.report(self.name, phrase.line, str(error))
            return False
        return True

    def _require(self, phrase: Phrase) -> None:
        match phrase.arguments:
            case [Strings(values, _, _)] if not (phrase.tests or phrase.block is not None):
                for value in values:
                    try:
                        self.require((value,))
                    except Mistake as error:
                        self._shop.report(self.name, phrase.line, str(error))
            case _:
                raise Mistake("require takes a list of extensions")

    def _block(self, phrases: Sequence[Phrase]) -> Block:
        commands: list[Command] = []
        lines: list[int] = []
        chain: _Chain | None = None  # of an if that may go on

        def add(phrase: Phrase) -> None:
            nonlocal chain
            going_on, chain = chain, None
            if phrase.name in _CHAIN and going_on is None:
                raise Mistake(f"'{phrase.name}' without 'if' before it")
            if phrase.name in _CHAIN:
                chain = self._branch(phrase, going_on)
            elif phrase.name == "if":
                chain = self._branch(phrase, None)
                commands.append(chain.last)
                lines.append(phrase.line)
            elif phrase.name == "require":
                raise Mistake("require stands at the beginning, before all other commands")
            else:
                command = self._built(phrase, self._find(phrase.name, self._shop.commands, "command"))
                commands.append(TracedCommand(phrase.name, command) if self._shop.is_traced else command)
                lines.append(phrase.line)
            if phrase.name == "else":
                chain = None

        for phrase in phrases:
            if not self._try(add, phrase) and phrase.name in ("if", "elsif"):
                chain = _Chain(If(None, Block()), is_decided=True)  # so that what follows is no further error
        return Block(commands, lines)

    def _branch(self, phrase: Phrase, chain: _Chain | None) -> _Chain:
        """One more of an if, or the first; of what is never reached nothing is asked but the grammar."""
        wants_test = phrase.name != "else"
        if phrase.arguments or phrase.has_list or len(phrase.tests) != wants_test or phrase.block is None:
            raise Mistake(f"'{phrase.name}' takes {'a test and ' if wants_test else ''}a block")
        if chain is not None and chain.is_decided:
            return chain
        test = self._test(phrase.tests[0]) if wants_test else None
        is_never = isinstance(test, Known) and not test.value
        branch = If(test, Block() if is_never else self._block(phrase.block))
        if chain is not None:
            chain.last.otherwise = branch
        return _Chain(branch, isinstance(test, Known) and test.value)

    def _test(self, phrase: Phrase) -> Test:
        self._shop.pause()
        test: Test = self._built(phrase, self._find(phrase.name, self._shop.tests, "test"))
        return TracedTest(phrase.name, test) if self._shop.is_traced and not isinstance(test, Known) else test

    def _find(self, name: str, words: Mapping[str, Word], what: str) -> Word:
        word = words.get(name)
        if word is None or (word.extension and not self.offers(word.extension)):
            raise Mistake(f"unknown {what} '{name[:40]}'")
        if word.extension and not self.has(word.extension):
            raise Mistake(f'{word} needs require "{word.extension}"')
        return word

    def _built(self, phrase: Phrase, word: Word) -> Any:
        """What a word becomes."""
        given, tags = read_arguments(phrase.arguments, word, self)
        call = Call(phrase.name, phrase.line, self, given, tags)
        call.tests = self._tests(phrase, word)
        if (phrase.block is not None) != word.has_block:
            raise Mistake(f"{word} {'needs a block' if word.has_block else 'takes no block'}")
        if phrase.block is not None:
            call.block = self._loop(call, phrase.block) if word.is_loop else self._block(phrase.block)
        return word.build(call)

    def _loop(self, call: Call, phrases: Sequence[Phrase]) -> Block:
        if len(self.loops) >= self.limits.loop_depth:
            raise Mistake(f"more than {self.limits.loop_depth} loops within each other")
        self.loops.append(call.constant("name").lower())
        try:
            return self._block(phrases)
        finally:
            self.loops.pop()

    def _tests(self, phrase: Phrase, word: Word) -> list[Test]:
        is_right = {
            Nested.NONE: not phrase.tests,
            Nested.ONE: len(phrase.tests) == 1 and not phrase.has_list,
            Nested.LIST: phrase.has_list,
        }[word.nested]
        if not is_right:
            expected = {Nested.NONE: "no test", Nested.ONE: "one test", Nested.LIST: "tests in parentheses"}[
                word.nested
            ]
            raise Mistake(f"{word} takes {expected}")
        tests: list[Test] = []
        for inner in phrase.tests:
            test = self._test(inner)
            tests.append(test)
            if isinstance(test, Known) and test.value is word.decided_by:
                break
        return tests
