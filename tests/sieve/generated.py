"""Scripts by chance, from a grammar: what may differ between two engines is seen in the actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.sieve.generatedmail import ADDRESSES, FIELDS, WITH_ADDRESSES, WORDS, Messages

EXTENSIONS = (
    *("fileinto", "copy", "imap4flags", "reject", "editheader", "variables", "date", "index", "relational", "body"),
    *("envelope", "subaddress", "mime", "foreverypart", "extracttext", "encoded-character", "environment", "ihave"),
    *("comparator-i;ascii-numeric", "mailbox", "duplicate"),
)
_FLAGS = ("\\\\Seen", "\\\\flagged", "\\\\Answered", "$label1", "junk", "\\\\Seen $label2", "")
_TYPES = ("text/plain", "text/html", "application/octet-stream", "image/png")
_DATE_PARTS = (
    "year",
    "month",
    "day",
    "date",
    "hour",
    "minute",
    "second",
    "time",
    "julian",
    "iso8601",
    "zone",
    "weekday",
)


@dataclass(frozen=True, slots=True)
class Pair:
    """`commands` are the script's, one each; `required` what stands before them."""

    required: Sequence[str]
    commands: Sequence[str]
    message: str
    sender: str
    recipient: str

    @property
    def script(self) -> str:
        """Its text."""
        required = ", ".join(f'"{one}"' for one in self.required)
        return "\n".join((f"require [{required}];", *self.commands, ""))


class Chance:
    """One pair is made by one of these."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._messages = Messages(self.random)
        self._count = 0
        self._loops = 0

    def pair(self) -> Pair:
        """A script with a message."""
        one = self.random
        required = [name for name in EXTENSIONS if not self._sometimes(0.003)]
        if "foreverypart" not in required or "variables" not in required:  # what Pigeonhole says goes with extracttext
            required = [name for name in required if name != "extracttext"]
        commands = [self._command(0) for _ in range(one.randint(2, 9))]
        if self._sometimes(0.15):
            at = one.randrange(len(commands))
            commands[at] = self._broken(commands[at])
        sender = one.choice(("wile@example.org", "wile+road@example.org", "Beep@acme.example.com"))
        recipient = one.choice(("beep@acme.example.com", "Beep+x@Acme.Example.Com"))
        return Pair(required, commands, self._messages.message(), sender, recipient)

    def _sometimes(self, chance: float) -> bool:
        return self.random.random() < chance

    def _broken(self, command: str) -> str:
        tokens = command.split(" ")
        at = self.random.randrange(len(tokens))
        match self.random.randrange(4):
            case 0:
                del tokens[at]
            case 1:
                tokens.insert(
                    at, self.random.choice(('"x"', "7", ":is", "{", "}", ";", "[", "]", "(", ")", ",", "not"))
                )
            case 2:
                tokens[at] = tokens[at][:-1]
            case _:
                tokens.insert(at, tokens[self.random.randrange(len(tokens))])
        return " ".join(tokens)

    # Scripts

    def _text(self) -> str:
        text = self.random.choice(WORDS)
        if self._sometimes(0.15):
            text = self.random.choice(
                ("${v1}", "${v2}", "${1}", "${2}", "${0}", "a${v1}b", "${hex:41}", "${unicode:e9}", "${}")
            )
        return '"' + text.replace("\\", "\\\\") + '"'

    def _list(self, make: Callable[[], str]) -> str:
        if self._sometimes(0.7):
            return make()
        return "[ " + " , ".join(make() for _ in range(self.random.randint(1, 3))) + " ]"

    def _flags(self) -> str:
        return self._list(lambda: f'"{self.random.choice(_FLAGS)}"')

    def _comparator(self, *, numbers: bool) -> str:
        names = ["i;octet", "i;ascii-casemap", *(["i;ascii-numeric"] * numbers)]
        return f':comparator "{self.random.choice(names)}"'

    def _match(self, *, always: bool = False) -> str:
        match self.random.randrange(6):
            case 0:
                return f":is {self._comparator(numbers=True)}"
            case 1:
                relation = self.random.choice(("gt", "ge", "lt", "le", "eq", "ne"))
                return f':value "{relation}" {self._comparator(numbers=True)}'
            case 2:
                relation = self.random.choice(("gt", "ge", "lt", "le", "eq", "ne"))
                return f':count "{relation}" :comparator "i;ascii-numeric"'
            case 3:
                return f":contains {self._comparator(numbers=False)}"
            case _:
                comparator = self._comparator(numbers=False) if always or self._sometimes(0.3) else ""
                return f":matches {comparator}".strip()

    def _key(self, match: str) -> str:
        if ":count" in match:
            return f'"{self.random.randrange(4)}"'
        if ":matches" not in match:
            return self._list(self._text)
        return self._list(
            lambda: self.random.choice(
                ('"*"', '"?*"', '"a*"', '"*@*"', '"*a*a*"', '"* *"', '"\\\\*"', '"*\\\\?*"', self._text())
            )
        )

    def _index(self) -> str:
        return self.random.choice(("", "", "", ":index 1", ":index 2", ":index 1 :last", ":last :index 2"))

    def test(self, depth: int) -> str:
        """Any test."""
        one, match = self.random, self._match()
        if depth < 3 and self._sometimes(0.2):
            tests = " , ".join(self.test(depth + 1) for _ in range(one.randint(1, 3)))
            return one.choice((f"anyof ( {tests} )", f"allof ( {tests} )", f"not {self.test(depth + 1)}"))
        field = self._list(lambda: f'"{one.choice((*FIELDS, *WITH_ADDRESSES))}"')
        match one.randrange(14):
            case 0 | 1:
                return f"header {self._index()} {match} {field} {self._key(match)}"
            case 2 | 3:
                part = one.choice(
                    ("", ":all", ":localpart", ":domain", ":user", *([":detail"] * (":count" not in match)))
                )
                names = self._list(lambda: f'"{one.choice(WITH_ADDRESSES)}"')
                keys = (
                    self._key(match) if self._sometimes(0.5) else self._list(lambda: f'"{one.choice(ADDRESSES[:2])}"')
                )
                return f"address {self._index()} {part} {match} {names} {keys if ':count' not in match else self._key(match)}"
            case 4:
                part = one.choice(("", ":localpart", ":domain", ":user"))
                return f'envelope {part} {match} "{one.choice(("from", "to"))}" {self._key(match)}'
            case 5:
                return f"exists {field}"
            case 6:
                return f"size {one.choice((':over', ':under'))} {one.choice(('100', '300', '400', '1K'))}"
            case 7 | 8:
                match = self._match(always=True)
                return f"string {match} {self._list(self._text)} {self._key(match)}"
            case 9:
                variable = one.choice(("", '"v1"', '[ "v1" , "v2" ]'))
                return f"hasflag {match} {variable} {self._key(match) if ':count' in match else self._flags()}"
            case 10:
                zone = one.choice((":originalzone", ':zone "+0000"', ':zone "-0930"'))
                keys = (
                    self._key(match)
                    if self._sometimes(0.4)
                    else f'"{one.choice(("2026", "11", "27", "2026-11-27", "22:30:10", "0", "05"))}"'
                )
                return f'date {zone} {self._index()} {match} "{one.choice(("Date", "Received"))}" "{one.choice(_DATE_PARTS)}" {keys}'
            case 11:
                match = match if ":value" not in match else ":contains"
                kind = one.choice(
                    (":raw", ":text", f':content "{one.choice((*_TYPES, "text", "multipart", "message/rfc822", ""))}"')
                )
                return f"body {kind} {match} {self._key(match)}"
            case 12:
                option = one.choice((":type", ":subtype", ":contenttype", ':param "charset"', ':param "name"'))
                child = one.choice(("", ":anychild"))
                if self._sometimes(0.5):
                    return f'header :mime {child} {match} "X-One" {self._key(match)}'
                keys = self._list(
                    lambda: f'"{one.choice((*_TYPES, "text", "plain", "utf-8", "alpha.png", "multipart"))}"'
                )
                return f'header :mime {child} {option} :is "Content-Type" {keys}'
            case _:
                return one.choice(("true", "false"))

    def _block(self, depth: int) -> str:
        return "{ " + " ".join(self._command(depth + 1) for _ in range(self.random.randint(1, 2))) + " }"

    def _store(self) -> str:
        self._count += 1
        tags = self.random.choice(("", "", ":copy", f":flags {self._flags()}"))
        return f'fileinto {tags} "f{self._count}" ;'

    def _command(self, depth: int) -> str:
        one = self.random
        variable = one.choice(("v1", "v2"))
        match one.randrange(20):
            case 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 if depth < 3:
                text = f"if {self.test(0)} {self._block(depth)}"
                while self._sometimes(0.2):
                    text += f" elsif {self.test(0)} {self._block(depth)}"
                return text + (f" else {self._block(depth)}" if self._sometimes(0.3) else "")
            case 8 | 9:
                modifiers = one.choice(
                    ("", "", ":lower", ":upperfirst", ":lower :upperfirst", ":length", ":quotewildcard")
                )
                return f'set {modifiers} "{variable}" {self._text()} ;'
            case 10 | 11:
                where = one.choice(("", "", f'"{variable}"'))
                return f"{one.choice(('setflag', 'addflag', 'removeflag'))} {where} {self._flags()} ;"
            case 12:
                return f'addheader {one.choice(("", ":last"))} "X-One" {self._text()} ;'
            case 13:
                match = one.choice(("", f":is {self._text()}", ':contains "a"', ':matches "*a*"'))
                tags, _, key = match.partition(" ")
                return f'deleteheader {one.choice(("", ":index 1", ":index 1 :last"))} {tags} "X-One" {key} ;'
            case 14 if self._loops < 2:
                self._loops += 1
                text = f'foreverypart {{ {self._command(2)} extracttext {one.choice(("", ":upper"))} "{variable}" ; }}'
                self._loops -= 1
                return text
            case 15:
                return one.choice(("keep ;", f"keep :flags {self._flags()} ;", "discard ;"))
            case 16:
                return f'redirect {one.choice(("", ":copy"))} "{one.choice(("a@b.example", "c@d.example", "Beep <a@B.example>"))}" ;'
            case 17:
                return one.choice(("stop ;", 'reject "No." ;', self._store(), self._store()))
            case _:
                return self._store()
