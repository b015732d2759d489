"""What the fake relay answers when no script speaks, and what it finds wrong with its client."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.harness.relayscript import RelayScript

_PARAMETERS = {
    "SIZE": "SIZE", "BODY": "8BITMIME", "AUTH": "AUTH", "RET": "DSN", "ENVID": "DSN", "SMTPUTF8": "SMTPUTF8",
    "NOTIFY": "DSN", "ORCPT": "DSN",
}  # fmt: skip
_FIXED = {
    "HELO": "250 relay.example.net",
    "NOOP": "250 2.0.0 Nothing done",
    "QUIT": "221 2.0.0 Bye",
    "VRFY": "252 2.1.5 Perhaps",
    "AUTH": "235 2.7.0 Welcome",
    "STARTTLS": "220 2.0.0 Go on",
    "DATA": "354 Go on",
}


@dataclass
class Mail:
    """One message: the command lines, and the content on the wire (`raw`) and as a mailbox would hold it."""

    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    raw: bytes = b""
    content: bytes = b""
    is_accepted: bool = False


class RelayAnswers:
    """An accepting relay with the keywords of its script. `mail` is the transaction under way."""

    def __init__(self, script: RelayScript) -> None:
        self._script = script
        self.mail: Mail | None = None

    def answer(self, verb: str, line: str) -> str:
        """The reply to one command, CRLF left out."""
        if verb == "EHLO":
            return "\r\n250-".join(["250-relay.example.net", *self._script.keywords, ""])[:-1] + " HELP"
        if verb == "MAIL":
            return "503 5.5.1 Nested MAIL" if self.mail else self._taken(line, "250 2.1.0 Sender ok")
        if verb == "RCPT":
            return self._rcpt(line)
        if verb == "RSET":
            self.mail = None
            return "250 2.0.0 Forgotten"
        if verb == "DATA" and (self.mail is None or not self.mail.recipients):
            return "554 5.5.1 No valid recipients"
        return _FIXED.get(verb, "500 5.5.1 Unknown command")

    def _rcpt(self, line: str) -> str:
        if self.mail is None:
            return "503 5.5.1 Need MAIL"
        if "<bad" in line:
            return "550 5.1.1 No such user"
        if "<busy" in line:
            return "450 4.2.0 Try again later"
        return self._taken(line, "250 2.1.5 Recipient ok")

    def _taken(self, line: str, answer: str) -> str:
        self.note(line)
        return answer

    def note(self, line: str) -> None:
        """A MAIL or RCPT that was answered with yes."""
        if line[:5].upper() == "MAIL ":
            self.mail = Mail(line)
        elif line[:5].upper() == "RCPT " and self.mail is not None:
            self.mail.recipients.append(line)

    def written(self, text: str) -> bytes:
        """The reply as it goes out: without enhanced status when the relay does not list them."""
        if not self._script.knows("ENHANCEDSTATUSCODES"):
            text = re.sub(r"(?m)^(\d{3}[ -])[245]\.\d+\.\d+ ", r"\1", text)
        return text.encode() + b"\r\n"

    def faults(self, line: str, *, is_sent_ahead: bool) -> list[str]:
        """What a conforming client would not have sent."""
        found = []
        verb = line.partition(" ")[0].upper()
        if verb in ("MAIL", "RCPT"):
            for parameter in line.rpartition(">")[2].split():
                extension = _PARAMETERS.get(parameter.partition("=")[0], "?")
                if not self._script.knows(extension):
                    found.append(f"parameter {parameter} although there is no {extension}")
        if is_sent_ahead and verb != "BDAT" and not self._script.knows("PIPELINING"):
            found.append(f"input after {line!r} although there is no PIPELINING")
        if verb == "BDAT" and not self._script.knows("CHUNKING"):
            found.append("BDAT although there is no CHUNKING")
        return found

    def content_faults(self, mail: Mail) -> list[str]:
        """What no relay must ever see in content."""
        found = []
        if "BODY=BINARYMIME" not in mail.sender:
            if re.search(rb"(?<!\r)\n|\r(?!\n)", mail.raw):
                found.append("bare CR or LF in content")
            if b"\0" in mail.raw:
                found.append("NUL in content")
        if not self._script.knows("8BITMIME") and not mail.raw.isascii():
            found.append("8-bit content although there is no 8BITMIME")
        return found
