"""What the words of `vnd.dovecot.testsuite` act on: a message with its envelope, a result, and where mail goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft
from gsubmit.scripts.mail import DraftMail
from gsubmit.sieve.addresses import addresses
from gsubmit.sieve.checking import Vocabulary
from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.mail import World
from gsubmit.sieve.result import Action, Discard, FileInto, Keep, Redirect, Reject, Result
from gsubmit.sieve.script import Script, Source, compile_script
from gsubmit.sieve.vocabulary import VOCABULARY

MESSAGE = "From: sender@example.com\nTo: recipient@example.org\nSubject: Frop!\n\nFriep!\n"
INBOX = "INBOX"
_SENDERS, _RECIPIENTS = ("return-path", "sender", "from"), ("envelope-to", "to")
_NAMES: Mapping[type[Action], str] = {
    Keep: "keep",
    FileInto: "store",
    Redirect: "redirect",
    Reject: "reject",
    Discard: "discard",
}
_LIMITS = {
    "sieve_max_script_size": "script_size",
    "sieve_max_actions": "actions",
    "sieve_max_redirects": "redirects",
    "sieve_variables_max_variable_size": "variable_size",
    "sieve_include_max_includes": "includes",
    "sieve_include_max_nesting_depth": "include_depth",
    "sieve_editheader_max_header_size": "header_size",
}
_CONFIGURED = "sieve_env_"
_USE = "\\"


class Copy(NamedTuple):
    """A message that was stored or sent on, with the path that it has then."""

    octets: bytes
    flags: tuple[str, ...] = ()
    sender: str = ""
    recipients: tuple[str, ...] = ()


class Message:
    """A message that scripts see and edit."""

    def __init__(self, octets: bytes) -> None:
        body = MessageBody("/tmp")
        body.append(octets)
        self._draft = Draft(body)
        self.mail = DraftMail(self._draft, may_change_authors=True)

    @property
    def octets(self) -> bytes:
        """As it is now."""
        return b"".join(self._draft.blocks())

    @property
    def copy(self) -> Message:
        """Another one that is the same."""
        return Message(self.octets)


class Folders(dict[str, list[Copy]]):
    """The mail store: messages by the name of their folder, of which some have a special use."""

    def exists(self, mailbox: str) -> bool:
        """Whether there is such a folder."""
        return _folder(mailbox) in self

    def has_special_use(self, use: str, mailbox: str | None) -> bool:
        """A folder that is called like a use has it."""
        return any(_USE + name == use for name in self if mailbox is None or name == _folder(mailbox))


class Seen(set[str]):
    """The ids that `duplicate` knows."""

    def has_seen(self, id: str) -> bool:
        """Whether it is one of them."""
        return id in self


def _folder(name: str) -> str:
    first, divider, rest = name.partition(".")
    return (INBOX if first.upper() == INBOX else first) + divider + rest


@dataclass(eq=False)
class Suite:
    """One file of cases that is being run; `path` is the folder in which it lies."""

    path: Path
    world: World = field(default_factory=World)
    message: Message = field(default_factory=lambda: Message(b""))  # as the cases see and edit it
    outgoing: Message | None = None  # the one that the script has edited; None: `message`
    vocabulary: Vocabulary = VOCABULARY
    script: Script | None = None
    kept_scripts: dict[str, Script | None] = field(default_factory=dict)
    result: Result = field(default_factory=Result)
    errors: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    folders: Folders = field(default_factory=lambda: Folders({INBOX: []}))
    sent: list[Copy] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)

    def __post_init__(self) -> None:
        self.world.mailboxes, self.world.tracker = self.folders, self.seen
        self.world.items = {"name": "gsubmit", "version": "1", "location": "MTA", "phase": "pre", "remote-host": ""}
        self.world.items |= {"remote-ip": "192.0.2.1", "domain": "example.org", "host": "host.example.org"}
        self.set_message(MESSAGE)

    # The message

    def set_message(self, text: str) -> None:
        """A message of its own, with an envelope as its header says."""
        octets = text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape")
        self.message, self.outgoing = Message(octets), None
        self.world.sender = self._first(_SENDERS) or "sender@example.com"
        self.world.recipients = (self._first(_RECIPIENTS) or "recipient@example.com",)
        self.world.login = ""

    def _first(self, names: tuple[str, ...]) -> str:
        for name in names:
            for one in self.message.mail.fields:
                if one.name == name and (found := addresses(one.raw)):
                    return found[0].whole
        return ""

    def show(self, copy: Copy) -> None:
        """A copy is the message from now on."""
        self.message, self.outgoing = Message(copy.octets), None
        if copy.recipients:
            self.world.sender, self.world.recipients = copy.sender, copy.recipients

    # Scripts

    def find(self, name: str, is_global: bool) -> Source | None:
        """A script to be included."""
        path = self.path / ("included-global" if is_global else "included") / f"{name}.sieve"
        return Source(str(path), path.read_bytes()) if path.is_file() else None

    def compile(self, name: str) -> bool:
        """A file becomes the script; the errors are those of it."""
        self.errors.clear()
        path = self.path / name
        if not path.is_file():
            self.errors.append(f"there is no {name}")
            return False
        try:
            self.script = compile_script(
                path.read_bytes(),
                name,
                limits=self.limits,
                offered=self.vocabulary.extensions,
                find=self.find,
                vocabulary=self.vocabulary,
            )
        except SieveError as error:
            self.errors += map(str, error.problems)
            return False
        return True

    def run(self, *, appends: bool = False) -> bool:
        """Run the script on a message of its own, or on that of the script before it."""
        self.errors.clear()
        assert self.script is not None
        result = replace(self.result, actions=[*self.result.actions]) if appends else Result()
        outgoing = ((self.outgoing if appends else None) or self.message).copy
        try:
            self.result = self.script.run(outgoing.mail, self.world, result)
        except SieveError as error:
            self.errors += map(str, error.problems)
            self.result, self.outgoing = Result(), None  # RFC 5228 2.10.6
            return False
        self.outgoing = outgoing
        return True

    def run_all(self, names: tuple[str, ...]) -> bool:
        """Several in a row (draft-degener-sieve-multiscript); the next one only while the message is kept."""
        for at, name in enumerate(names):
            if at and not self.result.keeps:
                break
            if not (self.compile(name) and self.run(appends=at > 0)):
                return False
        return self.execute()

    # The result

    def actions(self) -> list[str]:
        """Their names."""
        return [_NAMES[type(action)] for action in self.result.actions]

    def execute(self) -> bool:
        """Store and send on as the result says."""
        octets = (self.outgoing or self.message).octets
        self.seen.update(tracked.id for tracked in self.result.tracked)
        mailboxes = [FileInto(INBOX, self.result.flags)] if self.result.keeps_implicitly else []
        for action in self.result.actions:
            match action:
                case Keep(flags):
                    mailboxes.append(FileInto(INBOX, flags))
                case FileInto():
                    mailboxes.append(action)
                case Redirect(address):
                    self.sent.append(Copy(octets, (), self.world.sender, (address,)))
        for one in mailboxes:
            folder = _folder(one.mailbox)
            if folder not in self.folders and not one.create:
                self.errors.append(f"there is no mailbox '{folder}'")
                return False
            self.folders.setdefault(folder, []).append(Copy(octets, one.flags))
        return True

    def reset(self) -> None:
        """Forget the result and what was sent on."""
        self.result, self.outgoing = Result(), None
        self.sent.clear()

    # Settings

    def reload(self) -> None:
        """What was set is in force."""
        given = {_LIMITS[name]: int(text) for name, text in self.settings.items() if name in _LIMITS and text.isdigit()}
        self.limits = replace(Limits(), **given)
        self.world.delimiters = self.settings.get("recipient_delimiter", "+")
        self.world.variables = {
            name.removeprefix(_CONFIGURED): text for name, text in self.settings.items() if name.startswith(_CONFIGURED)
        }
