"""The words of `vnd.dovecot.testsuite`, by which a script is a file of cases."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gsubmit.sieve.call import Call
from gsubmit.sieve.checking import Vocabulary
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Block, Command, Machine, Stop, Test
from gsubmit.sieve.matching import Count, Match, match_of
from gsubmit.sieve.strings import Text
from gsubmit.sieve.vocabulary import VOCABULARY
from gsubmit.sieve.words import MATCH_TAGS, Tag, Takes, Word
from tests.sieve.suite import Copy, Suite

EXTENSION = "vnd.dovecot.testsuite"
_NAMESPACE = "tst"


class Failed(Exception):
    """A case has said that it fails."""


@dataclass(slots=True)
class Case:
    """One block `test`, with what it ended with: None before it was run, empty when it has passed."""

    name: str
    line: int
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    case: Case
    block: Block

    def run(self, machine: Machine) -> None:
        try:
            self.block.run(machine)
            self.case.failure = ""
        except Stop:
            self.case.failure = ""
            raise
        except Failed as error:
            self.case.failure = f"line {machine.line}: {error}"
        except Mistake as error:
            self.case.failure = f"line {machine.line}: an error: {error}"


@dataclass(frozen=True, slots=True)
class _Deed:
    """A command, or a test, that does something to the suite."""

    deed: Callable[[Machine], bool | None]

    def run(self, machine: Machine) -> None:
        self.deed(machine)

    def holds(self, machine: Machine) -> bool:
        return bool(self.deed(machine))


def vocabulary(suite: Suite, cases: list[Case], *, counts_errors: bool) -> Vocabulary:
    """The usual words, and those of cases; which cases there are is told when they are compiled.

    Where errors are not counted, a test for their number holds if there are any: how many a compiler finds says how
    it goes on behind the first.
    """

    def case(call: Call) -> Command:
        cases.append(Case(call.constant("name"), call.line))
        return _Case(cases[-1], call.block)

    words = (
        Word("test", case, (("name", Takes.CONSTANT),), extension=EXTENSION, has_block=True),
        *(
            replace(word, extension=EXTENSION)
            for word in (*_commands(suite), *_tests(suite, counts_errors), *_both(suite))
        ),
    )
    namespaces = {**VOCABULARY.namespaces, _NAMESPACE: (EXTENSION, lambda name: lambda machine: str(suite.path))}
    return Vocabulary((*VOCABULARY.words, *words), namespaces, VOCABULARY.extensions | {EXTENSION})


def _command(name: str, deed: Callable[[Call, Machine], None], *names: str, tags: tuple[Tag, ...] = ()) -> Word:
    positionals = tuple((one, Takes.STRING) for one in names)
    return Word(name, lambda call: _Deed(lambda machine: deed(call, machine)), positionals, tags)


def _commands(suite: Suite) -> tuple[Word, ...]:
    def fail(call: Call, machine: Machine) -> None:
        raise Failed(call.text("text").of(machine))

    def put(call: Call, machine: Machine) -> None:
        _put(suite, call.text("object").of(machine), call.text("value").of(machine), machine)

    def reset(call: Call, machine: Machine) -> None:
        suite.reset()
        _see(suite, machine)

    def configure(call: Call, machine: Machine) -> None:
        suite.settings[call.text("name").of(machine)] = call.text("value").of(machine)

    def unset(call: Call, machine: Machine) -> None:
        suite.settings.pop(call.text("name").of(machine), None)

    def reload(call: Call, machine: Machine) -> None:
        suite.reload()
        machine.limits = suite.limits

    def create(call: Call, machine: Machine) -> None:
        suite.folders.setdefault(call.text("folder").of(machine), [])

    def save(call: Call, machine: Machine) -> None:
        suite.kept_scripts[call.text("name").of(machine)] = suite.script

    def load(call: Call, machine: Machine) -> None:
        suite.script = suite.kept_scripts[call.text("name").of(machine)]

    def show(call: Call, machine: Machine) -> None:
        pass

    return (
        _command("test_fail", fail, "text"),
        _command("test_set", put, "object", "value"),
        _command("test_result_reset", reset),
        _command("test_config_set", configure, "name", "value"),
        _command("test_config_unset", unset, "name"),
        _command("test_config_reload", reload, tags=(Tag("extension", Takes.STRING),)),
        _command("test_mailbox_create", create, "folder"),
        _command("test_binary_save", save, "name"),
        _command("test_binary_load", load, "name"),
        _command("test_result_print", show),
        _command("test_message_print", show),
    )


def _put(suite: Suite, what: str, value: str, machine: Machine) -> None:
    path = value.strip().removeprefix("<").removesuffix(">")
    match what:
        case "message":
            suite.set_message(value)
            _see(suite, machine)
        case "envelope.from":
            suite.world.sender = path
        case "envelope.to":
            suite.world.recipients = (path,)
        case "envelope.orig_to":
            pass
        case "envelope.auth":
            suite.world.login = value
        case _:
            raise Mistake(f"there is no {what} to be set")


def _see(suite: Suite, machine: Machine) -> None:
    """The message and the result of the suite are those of the script that runs it."""
    machine.mail, machine.part, machine.result, machine.flags = suite.message.mail, None, suite.result, ()
    machine.header_has_changed()


def _test(name: str, build: Callable[[Call], Test], *more: tuple[str, Takes], tags: tuple[Tag, ...] = ()) -> Word:
    return Word(name, build, more, tags, is_test=True)


def _tests(suite: Suite, counts_errors: bool) -> tuple[Word, ...]:
    def compiles(call: Call) -> Test:
        path = call.text("path")
        return _Deed(lambda machine: suite.compile(path.of(machine)))

    def runs(call: Call) -> Test:
        appends = call.has("append_result")

        def deed(machine: Machine) -> bool:
            ended_well = suite.run(appends=appends)
            machine.result = suite.result
            return ended_well

        return _Deed(deed)

    def run_all(call: Call) -> Test:
        paths = call.texts("paths")

        def deed(machine: Machine) -> bool:
            ended_well = suite.run_all(tuple(paths.of(machine)))
            machine.result = suite.result
            return ended_well

        return _Deed(deed)

    def execute(machine: Machine) -> bool:
        if suite.outgoing is None:
            suite.result.flags = machine.flags
        return suite.execute()

    def listed(found: Callable[[], list[str]]) -> Callable[[Call], Test]:
        return lambda call: _of_list(found, match_of(call), call)

    def any_error(call: Call) -> Test:
        match = match_of(call)
        if isinstance(match, Count) and match.relation in (operator.eq, operator.ne):
            return _Deed(lambda machine: bool(suite.errors) is not match.matches(machine, "0", match.prepared(machine)))
        return _of_list(lambda: suite.errors, match, call)

    keys = ("keys", Takes.STRINGS)
    tags = (Tag("index", Takes.NUMBER), *(tag._replace(extension="") for tag in MATCH_TAGS))
    return (
        _test("test_script_compile", compiles, ("path", Takes.STRING)),
        _test("test_script_run", runs, tags=(Tag("append_result"),)),
        _test("test_multiscript", run_all, ("paths", Takes.STRINGS)),
        _test("test_result_execute", lambda call: _Deed(execute)),
        _test("test_result_action", listed(suite.actions), keys, tags=tags),
        _test("test_error", listed(lambda: suite.errors) if counts_errors else any_error, keys, tags=tags),
    )


def _of_list(found: Callable[[], list[str]], match: Match[Any], call: Call) -> Test:
    index = call.number("index")
    return _Deed(lambda machine: match.any(machine, found()[index - 1 : index] if index else found()))


def _both(suite: Suite) -> tuple[Word, ...]:
    def message(call: Call) -> Any:
        number = call.number("number")
        folder: Text | None = call.text("folder") if call.has("folder") else None
        if (folder is None) is not call.has("smtp"):
            raise Mistake("a message is of :smtp, or of a :folder")

        def deed(machine: Machine) -> bool:
            copies: list[Copy] = suite.sent if folder is None else suite.folders.get(folder.of(machine), [])
            if number >= len(copies):
                return False
            suite.show(copies[number])
            _see(suite, machine)
            machine.flags = copies[number].flags
            return True

        return _Deed(deed)

    def needed(call: Call) -> Any:
        here: _Deed = message(call)

        def deed(machine: Machine) -> None:
            if not here.holds(machine):
                raise Mistake(f"there is no message {call.number('number')}")

        return _Deed(deed)

    tags, number = (Tag("smtp"), Tag("folder", Takes.STRING)), (("number", Takes.NUMBER),)
    return Word("test_message", message, number, tags, is_test=True), Word("test_message", needed, number, tags)
