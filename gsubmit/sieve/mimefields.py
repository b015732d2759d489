"""What is within a MIME field: type, subtype and parameters (RFC 5703 4, RFC 2231)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from gsubmit.sieve.call import Call
from gsubmit.sieve.machine import Machine
from gsubmit.sieve.mail import Field
from gsubmit.sieve.strings import Texts

_TYPE = re.compile(r"[ \t]*([^\s/;()]*)[ \t]*(?:/[ \t]*([^\s;()]*))?")
_PARAMETER = re.compile(r';[ \t\r\n]*([^\s=;"]+)[ \t]*=[ \t]*("(?:[^"\\]++|\\.)*+"|[^;"]*)', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_SECTION = re.compile(r"([^*]+)(?:\*([0-9]{1,4}))?(\*)?", re.DOTALL)
# Python has codecs that take the square of their input, and keeps each name that it has looked for.
_CHARSET = re.compile(
    r"utf-8|us-ascii|iso-8859-(?:[1-9]|1[013-6])|windows-125[0-8]|koi8-[ru]"
    r"|gb2312|gbk|gb18030|big5|euc-(?:jp|kr)|shift_jis|iso-2022-jp",
    re.IGNORECASE,
)
_MAX_VALUE = 16 * 1024  # characters of a field; nobody looks at what comes behind them
_AROUND = ("", " ", "\t", ";", "/")  # what stands beside a comment
_PIECE = re.compile(r'[^"()\\]++|["()]|\\.?', re.DOTALL)


@dataclass(frozen=True, slots=True)
class MimeOption:
    """:type, :subtype, :contenttype, or :param with the names that it takes."""

    name: str
    parameters: Texts | None

    def of(self, machine: Machine, field: Field) -> Sequence[str]:
        """What a field has of that."""
        raw = field.raw[:_MAX_VALUE]
        machine.work(1 + len(raw) // 64)
        if self.parameters is not None:
            found = parameters(raw)
            return [found[name.lower()] for name in self.parameters.of(machine) if name.lower() in found]
        kind = _TYPE.match(_without_comments(raw))
        first, second = (kind[1], kind[2] or "") if kind is not None else ("", "")
        if self.name == "type":
            return (first,)
        if self.name == "subtype":
            return (second,)
        return (f"{first}/{second}" if second else first,)


def mime_option(call: Call) -> MimeOption | None:
    """What the tags of a test ask for, if they do."""
    if not call.has("mime-option"):
        return None
    name = call.tag("mime-option", "")
    return MimeOption(name, call.texts("mime-option") if name == "param" else None)


def parameters(value: str) -> dict[str, str]:
    """The parameters of a field by their names in lower case, decoded and put together; comments are blanks."""
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, text in _PARAMETER.findall(_without_comments(value)):
        section = _SECTION.fullmatch(name.lower())
        if section is None:
            continue
        plain = _QUOTED_PAIR.sub(r"\1", text[1:-1]) if text.startswith('"') else text.strip()
        pieces.setdefault(section[1], {}).setdefault(int(section[2] or 0), (plain, bool(section[3])))
    return {name: _joined(found) for name, found in pieces.items()}


def _without_comments(value: str) -> str:
    """A blank for each comment, with those within it (RFC 2045 5.1).

    One without an end is none, and so is one within a word, for readers take names like `a (1).txt` as they stand.
    """
    if "(" not in value:
        return value
    found: list[str] = []
    begin = depth = 0  # where the comment began, and how many are open
    is_quoted = False
    for match in _PIECE.finditer(value):
        piece, start, end = match[0], match.start(), match.end()
        if piece == "(" and not is_quoted and (depth or value[start - 1 : start] in _AROUND):
            begin = begin if depth else start
            depth += 1
        elif piece == ")" and depth:
            depth -= 1
            if not depth:
                found.append(" " if value[end : end + 1] in _AROUND else value[begin:end])
        elif not depth:
            found.append(piece)
            is_quoted ^= piece == '"'
    return "".join(found) + (value[begin:] if depth else "")


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    charset = ""
    octets: list[bytes] = []
    for at in range(len(pieces)):
        if at not in pieces:
            break
        text, is_encoded = pieces[at]
        if is_encoded and at == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        plain = text.encode("utf-8", "surrogateescape")
        octets.append(unquote_to_bytes(plain) if is_encoded else plain)
    whole = b"".join(octets)
    try:
        return whole.decode(charset if _CHARSET.fullmatch(charset) else "utf-8")
    except ValueError:
        return whole.decode("utf-8", "surrogateescape")
