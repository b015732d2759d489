"""One command line, parsed (RFC 5321 2.4, 4.1.1)."""

from __future__ import annotations

import re
from typing import NamedTuple

from gsubmit.smtp.replies import BAD_LINE
from gsubmit.smtp.reply import Refused

# What a client calls itself may be anything: it is used only if it is a good name. NUL, CR and LF stand in no line.
_GREETINGS = frozenset({b"EHLO", b"HELO"})
_HELLO = re.compile(rb"(EHLO|HELO)(?:[ \t]+([^\0\r\n]*))?", re.IGNORECASE)
# Letters only, one space, then no control characters but HT; UTF-8 is judged where an argument may hold it.
_LINE = re.compile(r"([A-Za-z]{1,32})(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?", re.ASCII)
_UTF8_VERBS = frozenset({"MAIL", "RCPT", "VRFY"})  # RFC 6531 3.3, 3.7.4


class Command(NamedTuple):
    """A verb in upper case and the argument as it came, without trailing white space."""

    verb: str
    argument: str = ""

    @classmethod
    def parse(cls, line: bytes) -> Command:
        """Take a line without its CRLF apart. Raises Refused (500) for anything that is not one command.

        EHLO and HELO may have any octets as their name; those that are no ASCII come out as Latin-1.
        """
        if line[:4].upper() in _GREETINGS and (hello := _HELLO.fullmatch(line.rstrip(b" \t"))):
            return cls(hello[1].decode("ascii").upper(), (hello[2] or b"").decode("latin-1"))
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused(BAD_LINE) from error
        matched = _LINE.fullmatch(text.rstrip(" \t"))
        if matched is None:
            raise Refused(BAD_LINE)
        verb, argument = matched[1].upper(), matched[2] or ""
        if verb == "AUTH":  # mail clients of Windows and JavaScript put two blanks in
            argument = argument.lstrip(" ")
        if argument.startswith(" ") or not (text.isascii() or verb in _UTF8_VERBS):
            raise Refused(BAD_LINE)
        return cls(verb, argument)
