"""One connection of the fake relay: the script first, then answers of its own."""

from __future__ import annotations

import re
import socket
import time
from contextlib import suppress

from tests.harness import relayscram, relaytls
from tests.harness.escapes import shown
from tests.harness.relayanswers import Mail, RelayAnswers
from tests.harness.relayrules import RelayRules
from tests.harness.relayscript import Does, Hears, Reads, RelayScript, Says, Step, TakesScram, Waits
from tests.harness.scriptedpeer import HungUp

GREETING = b"220 relay.example.net ESMTP\r\n"
_END = re.compile(rb"(?:\A|\r\n)\.\r\n")
DEAF = 60.0  # seconds, more than any play takes
_UNMENTIONED = ("EHLO", "HELO", "RSET", "QUIT")  # a script may leave these out


def unstuffed(raw: bytes) -> bytes:
    """The content of DATA, by lines: plain, slow and independent of the server's own reader."""
    lines = raw.split(b"\r\n")
    return b"".join((line[1:] if line.startswith(b".") else line) + b"\r\n" for line in lines[:-2])


class RelayTalk:
    """Plays the relay's side until somebody hangs up. Complete messages go to `mails`, oddities to `faults`."""

    def __init__(
        self, sock: socket.socket, number: int, script: RelayScript, mails: list[Mail], faults: list[str]
    ) -> None:
        self.sock = sock
        self.heard: list[bytes] = []
        self._number = number
        self._is_tls_first = script.implicit_tls
        self._steps = script.steps(number)
        self._answers = RelayAnswers(script.keywords)
        self._rules = RelayRules(self._answers)
        self._mails = mails
        self._faults = faults
        self._input = b""
        self._said = b""
        self._chunk = b""  # of a message that has not ended

    def converse(self) -> None:
        """The whole connection. Raises HungUp."""
        if self._is_tls_first:
            self.sock = relaytls.wrapped(self.sock)
        if not self._perform():
            self._send(GREETING)
        while True:
            octets = self._line()
            self.heard.append(octets)
            line = octets.decode("utf-8", "replace")
            verb = line.partition(" ")[0].upper()
            self._note(self._rules.faults(line, is_sent_ahead=bool(self._input)))
            is_scripted = self._expect(octets, verb)
            if verb == "DATA":
                self._data(line, is_scripted)
            elif verb == "BDAT":
                self._bdat(line, is_scripted)
            else:
                self._simple(verb, line, is_scripted)

    def unheard(self) -> list[str]:
        """Lines of the script that never came."""
        return [step.text for step in self._steps if isinstance(step, Hears)]

    def _simple(self, verb: str, line: str, is_scripted: bool) -> None:
        if is_scripted and self._perform():
            self._is_answered(verb, line)
            return
        self._send(self._answers.written(self._answers.answer(verb, line)))
        self._is_answered(verb, line)
        if self._said.startswith(b"500"):
            self._note([f"unknown command {line!r}"])
        if verb == "STARTTLS":
            self._do(Does("TLS"))
        if verb == "QUIT":
            self._await_end()

    def _is_answered(self, verb: str, line: str) -> None:
        """Note what follows from our last reply."""
        if not self._said.startswith(b"2"):
            return
        self._answers.note(line)
        if verb in ("EHLO", "HELO"):
            self._answers.has_said(verb, self._said)
        elif self._said.startswith(b"235"):
            self._rules.has_logged_in()

    def _await_end(self) -> None:
        """Let the client close first, and leave nothing behind: a thousand plays would use up the ports."""
        with suppress(HungUp, OSError):
            while True:
                self._receive()
        raise HungUp(hard=True)

    # The script

    def _expect(self, line: bytes, verb: str) -> bool:
        """Whether the script speaks of this command."""
        step = self._steps[0] if self._steps else None
        if not isinstance(step, Hears):
            return False
        if step.fits(line):
            del self._steps[0]
            return True
        if verb not in _UNMENTIONED and not (verb == "BDAT" and not line.endswith(b" LAST")):
            self._note([f"heard {shown(line)!r} instead of {step.text!r}"])
            self._steps.clear()
        return False

    def _perform(self) -> bool:
        """Do what the script says up to its next `R>`; whether there was anything."""
        done = False
        said = b""
        while self._steps and not isinstance(self._steps[0], Hears):
            self._do(self._steps.pop(0))
            said += self._said
            self._said = b""
            done = True
        self._said = said or self._said
        return done

    def _do(self, step: Step) -> None:
        if isinstance(step, Says):
            self._send(step.octets)
        elif isinstance(step, Waits):
            time.sleep(step.seconds)
        elif step == Does("TLS"):
            self.sock = relaytls.wrapped(self.sock)
            self._input = b""
        elif isinstance(step, TakesScram):
            line = self.heard[-1].decode("utf-8", "replace")
            self._send(relayscram.converse(line, step, self._challenge).encode() + b"\r\n")
        elif step == Does("DEAF"):
            time.sleep(DEAF)
        elif step == Does("SILENT"):
            while True:
                self._receive()
        elif isinstance(step, Does):
            raise HungUp(hard=step.what == "RESETS")

    # Content

    def _data(self, line: str, is_scripted: bool) -> None:
        step = self._steps[0] if is_scripted and self._steps else None
        if step is None or isinstance(step, Hears | Reads):
            self._send(self._answers.written(self._answers.answer("DATA", line)))
        else:
            self._do(self._steps.pop(0))
        if not self._said.startswith(b"354"):
            self._perform()
            return
        if self._read_part(is_scripted):
            return
        raw = bytearray(self._input)
        searched = 0
        while (end := _END.search(raw, searched)) is None:
            searched = max(len(raw) - 4, 0)
            raw += self._receive()
        self._input = bytes(raw[end.end() :])
        content = bytes(raw[: end.end()])
        self._finish(content, unstuffed(content), is_scripted)

    def _bdat(self, line: str, is_scripted: bool) -> None:
        size = int(line.split(" ")[1])
        if self._read_part(is_scripted):
            return
        octets = bytearray(self._input)
        while len(octets) < size:
            octets += self._receive()
        raw, self._input = bytes(octets[:size]), bytes(octets[size:])
        if line.endswith(" LAST"):
            self._finish(self._chunk + raw, self._chunk + raw, is_scripted)
            self._chunk = b""
            return
        if not re.fullmatch(rb"Received: .*\r\n([ \t].*\r\n)*", raw):  # an empty one is refused by Postfix
            self._note([f"a first chunk that is not all its own: {shown(raw)!r}"])
        self._chunk += raw
        if not (is_scripted and self._perform()):
            self._send(self._answers.written(f"250 2.0.0 {len(raw)} octets"))

    def _read_part(self, is_scripted: bool) -> bool:
        """Whether the script lets the relay read a part of the content only, and then do something else."""
        step = self._steps[0] if is_scripted and self._steps else None
        if not isinstance(step, Reads):
            return False
        del self._steps[0]
        got = len(self._input)
        while got < step.count:
            got += len(self._receive())
        self._perform()
        return True

    def _finish(self, raw: bytes, content: bytes, is_scripted: bool) -> None:
        mail = self._answers.mail or Mail()
        self._answers.mail = None
        mail.raw, mail.content = raw, content
        self._mails.append(mail)
        self._note(self._rules.content_faults(mail))
        coming = self._steps[0] if is_scripted and self._steps else None
        mail.is_accepted = coming is None or isinstance(coming, Hears) or _is_yes(coming)
        if not (is_scripted and self._perform()):
            self._send(self._answers.written("250 2.0.0 Queued"))

    # Octets

    def _line(self) -> bytes:
        while b"\r\n" not in self._input:
            self._input += self._receive()
        line, _, self._input = self._input.partition(b"\r\n")
        return line

    def _challenge(self, reply: str) -> str:
        self._send(reply.encode() + b"\r\n")
        self.heard.append(self._line())
        return self.heard[-1].decode("utf-8", "replace")

    def _receive(self) -> bytes:
        octets = self.sock.recv(65536)
        if not octets:
            raise HungUp
        return octets

    def _send(self, octets: bytes) -> None:
        self._said = octets
        self.sock.sendall(octets)

    def _note(self, faults: list[str]) -> None:
        self._faults += [f"relay connection {self._number}: {fault}" for fault in faults]


def _is_yes(step: Step) -> bool:
    return isinstance(step, Says) and step.octets.startswith(b"2")
