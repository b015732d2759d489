"""The same scripts on our engine and on Debian's sieve-test: `python -m tests.sieve.differential [PAIRS] [SEED]`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.mail import World
from gsubmit.sieve.result import Discard, FileInto, Keep, Redirect, Reject, Result
from gsubmit.sieve.script import compile_script
from tests.sieve.generated import Chance, Pair
from tests.sieve.suite import Message

_ACTION = re.compile(r"^ \* (\S+)(?: .*?: (.*))?$")
_FLAGS = "+ add IMAP flags: "
_WORD = re.compile(r'"[^"]*"|:[a-z]+|[a-z0-9]+')
_FATAL = 89


class Outcome(NamedTuple):
    """What came of a script: an error, or actions in any order; the implicit keep is one."""

    error: str = ""
    actions: Sequence[str] = ()
    detail: str = ""  # of the error, which need not be the same

    @property
    def compared(self) -> tuple[str, Sequence[str]]:
        """What has to be the same."""
        return self.error, self.actions


def _flagged(action: str, flags: str) -> str:
    listed = sorted(set(flags.lower().split()))
    return f"{action} [{' '.join(listed)}]" if listed else action


def ours(pair: Pair) -> Outcome:
    """On our engine."""
    try:
        script = compile_script(pair.script, "script")
    except SieveError as error:
        return Outcome("compile", (), str(error))
    message = Message(pair.message.replace("\n", "\r\n").encode())
    world = World(sender=pair.sender, recipients=[pair.recipient])
    try:
        return Outcome("", _actions(script.run(message.mail, world)))
    except SieveError as error:
        return Outcome("run", (), str(error))


def _actions(result: Result) -> Sequence[str]:
    found = [_flagged("implicit", " ".join(result.flags))] if result.keeps_implicitly else []
    for action in result.actions:
        match action:
            case Keep(flags):
                found.append(_flagged("store INBOX", " ".join(flags)))
            case FileInto():
                found.append(_flagged(f"store {action.mailbox}", " ".join(action.flags)))
            case Redirect(address):
                found.append(f"redirect {address.lower()}")  # sieve-test shows the domain so
            case Reject():
                found.append("reject")
            case Discard():
                pass  # it is seen in the keep that is not there
    return sorted(found)


def theirs(pair: Pair, folder: Path) -> Outcome:
    """By sieve-test."""
    script, message = folder / "script.sieve", folder / "message"
    script.write_text(pair.script)
    message.write_text(pair.message, newline="\r\n")
    user = ("-o", "mail_uid=nobody", "-o", "mail_gid=nogroup") if not os.getuid() else ()
    done = subprocess.run(
        (
            *("sieve-test", "-C", *user, "-o", f"mail_location=maildir:{folder}/mail", "-x", "+editheader"),
            *(
                "-o",
                "recipient_delimiter=+",
                "-f",
                pair.sender,
                "-r",
                pair.recipient,
                str(script),
                str(message),
            ),
        ),
        env={**os.environ, "HOME": str(folder), "USER": "nobody"},
        capture_output=True,
        check=False,
    )
    said = done.stdout.decode(errors="surrogateescape") + done.stderr.decode(errors="surrogateescape")
    problems = [line for line in said.splitlines() if "error: " in line]
    if "corrupt binary" in said:
        return Outcome("broken", (), said)
    if done.returncode == _FATAL:
        return Outcome("compile", (), "\n".join(problems[:3]))
    if done.returncode:
        return Outcome("run", (), "\n".join(problems[:3]) or said[-300:])
    return Outcome("", _shown(said))


def _shown(said: str) -> Sequence[str]:
    """The actions that sieve-test prints."""
    found: list[str] = []
    performed, _, implicit = said.partition("Implicit keep:")
    for line in (performed + implicit.replace(" * store message in folder: INBOX", " * implicit")).splitlines():
        if _FLAGS in line:
            found[-1] = _flagged(found[-1], line.partition(_FLAGS)[2])
        elif (action := _ACTION.match(line)) and action[1] != "discard":
            rest = (action[2] or "").strip("<>")
            shown = {"store": f"store {rest}", "redirect": f"redirect {rest.lower()}"}
            found.append(shown.get(action[1], action[1]))
    return sorted(found)


def smaller(pair: Pair, folder: Path) -> Pair:
    """The same kind of difference with less script."""
    wanted = ours(pair).error, theirs(pair, folder).error

    def differs(one: Pair) -> bool:
        left, right = ours(one), theirs(one, folder)
        return left.compared != right.compared and (left.error, right.error) == wanted

    fewer = [replace(pair, commands=["", " ".join(words)]) for words in _shorter(" ".join(pair.commands).split())]
    while fewer:
        one = fewer.pop(0)
        if differs(one):
            pair = one
            fewer = [replace(pair, commands=["", " ".join(words)]) for words in _shorter(pair.commands[1].split())]
    return pair


def _shorter(words: Sequence[str]) -> Sequence[Sequence[str]]:
    """Scripts without one command, block or test of this one, the shortest first."""
    found: list[tuple[str, ...]] = []
    begins, opened = [0], []
    for at, word in enumerate(words):
        if word in ("{", "(", "["):
            opened.append((begins[-1], at))
            begins.append(at + 1)
        elif word in ("}", ")", "]") and opened:
            begin, inner = opened.pop()
            found.append((*words[: begins.pop()], *words[at:]))
            found.append((*words[:begin], *words[at + 1 :]))
            found.append((*words[:begin], *words[inner + 1 : at], *words[at + 1 :]))
            if word == "}":
                begins[-1] = at + 1
        elif word in (";", ","):
            found.append((*words[: begins[-1]], *words[at + 1 :]))
            begins[-1] = at + 1
        elif word.startswith(":"):
            found.append((*words[:at], *words[at + 1 :]))
    return sorted((one for one in found if 0 < len(one) < len(words)), key=len)


def kind(pair: Pair, ours: Outcome, theirs: Outcome) -> str:
    """What a difference is filed under."""
    words = {word for command in pair.commands for word in _WORD.findall(command) if not word.startswith('"')}
    return f"{ours.error or 'runs'}/{theirs.error or 'runs'}: {' '.join(sorted(words - {'if', 'fileinto', 'keep'}))}"


def main() -> None:
    """Print each difference with the smallest script that shows it, and how many pairs there were."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    start = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    different = errors = broken = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for seed in range(start, start + count):
            pair = Chance(seed).pair()
            one, other = ours(pair), theirs(pair, folder)
            errors += bool(other.error)
            if other.error == "broken":  # its own fault
                broken += 1
            elif one.compared != other.compared:
                different += 1
                pair = smaller(pair, folder)
                one, other = ours(pair), theirs(pair, folder)
                print(f"=== {seed} {kind(pair, one, other)}\n{pair.script}--- {pair.sender} {pair.recipient}")
                print(f"{pair.message}--- ours: {one}\n--- theirs: {other}", flush=True)
    print(f"{count} pairs, {errors} with errors, {broken} of which are of sieve-test's own, {different} different")


if __name__ == "__main__":
    main()
