"""Whether what became of a transcript is what it says: at the relay, at the IMAP server and in the log."""

from __future__ import annotations

import re

from tests.harness import escapes
from tests.harness.client import Surprise
from tests.harness.fakeimap import Copy
from tests.harness.fakerelay import FakeRelay
from tests.harness.imapscript import MASTER_PASSWORD, SUBMIT_PASSWORD, TOKEN
from tests.harness.relayanswers import Mail
from tests.harness.relayscript import as_written, begun
from tests.harness.transcript import Letter, Transcript

_RECEIVED = re.compile(rb"Received: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")
LONG = 4000  # octets of one line of a report
# What a plugin of a transcript raises is in the log with its traceback.
_PLUGIN_FAILURE = re.compile(r"Error: plugin \w+ failed at .*\n(?:Traceback|  .*\n|\w[\w.]*: ).*(?:\n(?!\w{3} \d).*)*")


def matches(lines: list[bytes], patterns: list[str]) -> bool:
    if not patterns:
        return not lines
    if patterns[0] == "...":
        return any(matches(lines[skipped:], patterns[1:]) for skipped in range(len(lines) + 1))
    return (
        bool(lines)
        and escapes.pattern(patterns[0]).fullmatch(lines[0]) is not None
        and matches(lines[1:], patterns[1:])
    )


def judge(transcript: Transcript, relay: FakeRelay, log: str) -> None:
    """What became of it: at the relay and in the log."""
    if relay.faults:
        raise Surprise("; ".join(relay.faults))
    if unheard := relay.unheard():
        raise Surprise("; ".join(unheard))
    relayed = len(transcript.letters) if transcript.relayed is None else transcript.relayed
    if len(relay.accepted) != relayed:
        raise Surprise(f"the relay accepted {len(relay.accepted)} messages instead of {relayed}")
    if transcript.transmitted is not None and len(relay.mails) != transcript.transmitted:
        raise Surprise(f"the relay got {len(relay.mails)} messages instead of {transcript.transmitted}")
    for letter, mail in zip(transcript.letters, relay.mails, strict=False):
        is_traced = letter.has_trace and "submission_add_received_header = no" not in transcript.settings
        _compare(letter, mail, has_trace=is_traced)
    own = _PLUGIN_FAILURE.sub("", log)
    if "internal error" in own.lower() or "Traceback" in own:
        raise Surprise("the server had an internal error")
    if any(secret in log for secret in (TOKEN, SUBMIT_PASSWORD, MASTER_PASSWORD)):
        raise Surprise("the log holds a token or a password")
    for text in transcript.log:
        if not re.search(escapes.pattern(text), log.encode()):
            raise Surprise(f"the log lacks {text!r}")


def judge_copies(wanted: list[Letter], copies: list[Copy]) -> None:
    """Those in each mailbox, in their order."""
    there = [f"{copy.mailbox} ({copy.flags})" for copy in copies]
    if sorted(there) != sorted(f"{letter.mailbox} ({letter.flags})" for letter in wanted):
        raise Surprise(f"the copies were {there}")
    left = list(copies)
    for letter in wanted:
        copy = next(one for one in left if (one.mailbox, one.flags) == (letter.mailbox, letter.flags))
        left.remove(copy)
        _compare(letter, Mail(content=copy.content), has_trace=False)


def _compare(letter: Letter, mail: Mail, *, has_trace: bool) -> None:
    content, wire = mail.content, mail.raw
    if has_trace:
        found = _RECEIVED.match(content)
        if found is None:
            raise Surprise(f"no Received field in front of {escapes.shown(content[:200])}")
        content, wire = content[found.end() :], wire[found.end() :]
        unfolded = re.sub(rb"\r\n[ \t]", b" ", found[0])[:-2]
        for text in letter.trace:
            if not escapes.pattern(text).fullmatch(unfolded):
                raise Surprise(f"the trace field is {escapes.shown(unfolded)} instead of {text!r}")
    if letter.content is not None and begun(letter.content) != content:
        raise Surprise(f"the relay got {short(content)}\n instead of {short(begun(letter.content))}")
    if letter.pattern and not matches(content.removesuffix(b"\r\n").split(b"\r\n"), letter.pattern):
        raise Surprise(f"the relay got {short(content)}\n instead of {letter.pattern}")
    if letter.wire is not None and begun(letter.wire) != wire:
        raise Surprise(f"on the wire was {short(wire)}\n instead of {short(begun(letter.wire))}")
    envelope = [mail.sender, *mail.recipients]
    if letter.envelope and letter.envelope != [as_written(mail.sender, letter.envelope[0]), *mail.recipients]:
        raise Surprise(f"the envelope was {envelope} instead of {letter.envelope}")


def short(octets: bytes) -> str:
    return escapes.shown(octets if len(octets) <= LONG else octets[:LONG] + b" ...")
