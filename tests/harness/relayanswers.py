"""What the fake relay answers when no script speaks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FIXED = {
    "HELO": "250 relay.example.net",
    "NOOP": "250 2.0.0 Nothing done",
    "QUIT": "221 2.0.0 Bye",
    "VRFY": "252 2.1.5 Perhaps",
    "AUTH": "235 2.7.0 Welcome",
    "STARTTLS": "220 2.0.0 Go on",
    "XCLIENT": "220 relay.example.net ESMTP",
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
    """An accepting relay. `keywords` are its script's at first, then those it last said; `mail` is under way."""

    def __init__(self, keywords: tuple[str, ...]) -> None:
        self._own = keywords
        self.keywords = keywords
        self.mail: Mail | None = None

    def knows(self, keyword: str) -> bool:
        return self.parameters(keyword) is not None

    def parameters(self, keyword: str) -> list[str] | None:
        """What stands after a keyword in EHLO's reply."""
        return next((words[1:] for line in self.keywords if (words := line.split())[0] == keyword), None)

    def has_said(self, verb: str, reply: bytes) -> None:
        """Note what a script has answered to EHLO or HELO."""
        lines = reply.decode("utf-8", "replace").splitlines()
        self.keywords = tuple(line[4:] for line in lines[1:]) if verb == "EHLO" else ()

    def answer(self, verb: str, line: str) -> str:
        """The reply to one command, CRLF left out."""
        if verb in ("EHLO", "HELO", "XCLIENT"):
            self.mail = None
        if verb == "EHLO":
            return "\r\n250-".join(["250-relay.example.net", *self._own, ""])[:-1] + " HELP"
        if verb == "MAIL":
            return "503 5.5.1 Nested MAIL" if self.mail else "250 2.1.0 Sender ok"
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
        return "250 2.1.5 Recipient ok"

    def note(self, line: str) -> None:
        """A MAIL or RCPT that was answered with yes."""
        if line[:5].upper() == "MAIL ":
            self.mail = Mail(line)
        elif line[:5].upper() == "RCPT " and self.mail is not None:
            self.mail.recipients.append(line)

    def written(self, text: str) -> bytes:
        """The reply as it goes out: without enhanced status when the relay does not list them."""
        if not any(line.split()[0] == "ENHANCEDSTATUSCODES" for line in self._own):
            text = re.sub(r"(?m)^(\d{3}[ -])[245]\.\d+\.\d+ ", r"\1", text)
        return text.encode() + b"\r\n"
