"""What the fake relay finds wrong with its client: whatever a conforming one would not have sent."""

from __future__ import annotations

import re

from tests.harness.relayanswers import Mail, RelayAnswers

MAX_XCLIENT = 510  # octets without CRLF, XCL-5
_EXTENSIONS = {
    "SIZE": "SIZE", "BODY": "8BITMIME", "AUTH": "AUTH", "RET": "DSN", "ENVID": "DSN", "SMTPUTF8": "SMTPUTF8",
    "NOTIFY": "DSN", "ORCPT": "DSN",
}  # fmt: skip


class RelayRules:
    """Looks at one connection's commands in their order. `answers` knows what the relay has said."""

    def __init__(self, answers: RelayAnswers) -> None:
        self._answers = answers
        self._mails = 0
        self._is_logged_in = False
        self._needs_ehlo = True  # nothing was said since the greeting, TLS or XCLIENT

    def faults(self, line: str, *, is_sent_ahead: bool) -> list[str]:
        """What is wrong with a command, and with more input behind it."""
        verb = line.partition(" ")[0].upper()
        found = [*self._order(verb, line), *self._parameters(verb, line)]
        if is_sent_ahead and verb != "BDAT" and not self._answers.knows("PIPELINING"):
            found.append(f"input after {line!r} although there is no PIPELINING")
        if verb == "BDAT" and not self._answers.knows("CHUNKING"):
            found.append("BDAT although there is no CHUNKING")
        mail = self._answers.mail
        if verb == "DATA" and mail is not None and "BODY=BINARYMIME" in mail.sender:
            found.append("DATA after BODY=BINARYMIME")
        return found

    def has_logged_in(self) -> None:
        """AUTH was answered with 235."""
        self._is_logged_in = True

    def _order(self, verb: str, line: str) -> list[str]:
        found = []
        if verb in ("EHLO", "HELO"):
            if self._is_logged_in:
                found.append(f"{line} after AUTH, which some servers refuse")
            self._needs_ehlo = False
        elif verb == "AUTH":
            if self._is_logged_in:
                found.append("AUTH a second time")
        elif verb == "XCLIENT":
            found += self._xclient(line)
            self._is_logged_in, self._needs_ehlo = False, True
        elif self._needs_ehlo and verb in ("MAIL", "RCPT", "DATA", "BDAT"):
            found.append(f"{line!r} without EHLO before it")
        if verb == "STARTTLS":
            self._needs_ehlo = True
        if verb == "MAIL":
            self._mails += 1
        return found

    def _xclient(self, line: str) -> list[str]:
        found = []
        offered = self._answers.parameters("XCLIENT")
        for attribute in line.split(" ")[1:]:
            if attribute.partition("=")[0] not in (offered or ()):
                found.append(f"XCLIENT {attribute} although it is not listed")
        if len(line) > MAX_XCLIENT:
            found.append(f"XCLIENT of {len(line)} octets")
        if self._answers.mail is not None:
            found.append("XCLIENT within a transaction")
        return found

    def _parameters(self, verb: str, line: str) -> list[str]:
        if verb not in ("MAIL", "RCPT"):
            return []
        found = []
        parameters = line.rpartition(">")[2].split()
        for parameter in parameters:
            extension = _EXTENSIONS.get(parameter.partition("=")[0], "?")
            if not self._answers.knows(extension):
                found.append(f"parameter {parameter} although there is no {extension}")
        if "BODY=BINARYMIME" in parameters and not (
            self._answers.knows("BINARYMIME") and self._answers.knows("CHUNKING")
        ):
            found.append("BODY=BINARYMIME although there is no BINARYMIME or CHUNKING")
        sender = line if verb == "MAIL" else self._answers.mail.sender if self._answers.mail else "SMTPUTF8"
        if not line.isascii() and "SMTPUTF8" not in sender:
            found.append(f"{line!r} without SMTPUTF8")
        limit = self._limit("MAILMAX" if verb == "MAIL" else "RCPTMAX")
        count = self._mails if verb == "MAIL" else len(self._answers.mail.recipients) + 1 if self._answers.mail else 0
        if limit and count > limit:
            found.append(f"{verb} number {count} although the limit is {limit}")
        return found

    def _limit(self, name: str) -> int:
        limits = dict(word.upper().partition("=")[::2] for word in self._answers.parameters("LIMITS") or ())
        return int(value) if (value := limits.get(name, "")).isdigit() else 0

    def content_faults(self, mail: Mail) -> list[str]:
        """What no relay must ever see in content."""
        found = []
        if "BODY=BINARYMIME" not in mail.sender:
            if re.search(rb"(?<!\r)\n|\r(?!\n)", mail.raw):
                found.append("bare CR or LF in content")
            if b"\0" in mail.raw:
                found.append("NUL in content")
        if not self._answers.knows("8BITMIME") and not mail.raw.isascii():
            found.append("8-bit content although there is no 8BITMIME")
        return found
