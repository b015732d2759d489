"""Parameters of Content-Type and Content-Disposition beyond ASCII, such as file names, by RFC 2231."""

from __future__ import annotations

import re

from gsubmit.fairness import let_others_run
from gsubmit.message.charset import Charset
from gsubmit.message.fault import CannotConvert

_PARAMETER = re.compile(r';[ \t]*([^\s=;"]+)[ \t]*=[ \t]*("(?:[^"\\]++|\\.)*+"|[^;"]*)', re.DOTALL | re.ASCII)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_ATTRIBUTE_CHARACTER = re.compile(r"[A-Za-z0-9!#$&+.^_`{|}~-]")  # RFC 2231 7
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_LINE = 74  # characters of one parameter, with `;` and the space before it


def encoded_parameters(text: str, charset: Charset) -> str:
    """The value of the field in ASCII. Raises CannotConvert for what is no parameter, or means more than itself."""
    names = set()
    for parameter in _PARAMETER.finditer(text):
        let_others_run()
        names.add(parameter[1].lower())

    def replaced(found: re.Match[str]) -> str:
        let_others_run()
        name, value = found[1], found[2]
        if value.isascii() or not name.isascii():
            return found[0]
        if name.lower() == "boundary":
            raise CannotConvert("a boundary must not change")
        if name.endswith("*") and not value.startswith('"'):  # it is encoded, but not whole
            return found[0][: -len(value)] + _NOT_ASCII.sub(lambda one: _percent(one[0], charset), value)
        if "*" in name:
            raise CannotConvert(f"the parameter {name[:20]} has 8-bit octets in one of its pieces")
        if f"{name.lower()}*" in names or f"{name.lower()}*0*" in names:
            return ""  # the same in ASCII is there already, and goes before it
        plain = unquoted(value) if value.startswith('"') else value.rstrip(" \t")
        return _extended(name, plain, charset)

    return _PARAMETER.sub(replaced, text)


def unquoted(text: str) -> str:
    """What a quoted-string or a comment holds, without what is around it."""

    def character(pair: re.Match[str]) -> str:
        let_others_run()
        return pair[1]

    return _QUOTED_PAIR.sub(character, text[1:-1])


def _percent(character: str, charset: Charset) -> str:
    let_others_run()
    return "".join(f"%{octet:02X}" for octet in character.encode(charset.codec))


def _extended(name: str, value: str, charset: Charset) -> str:
    """The parameter with charset, in pieces where it is too long for one line (RFC 2231 3, 4, 4.1)."""
    characters = [one if _ATTRIBUTE_CHARACTER.fullmatch(one) else _percent(one, charset) for one in value]
    start = f"{charset.parameter}''"
    whole = f"; {name}*={start}{''.join(characters)}"
    if len(whole) <= _LINE:
        return whole
    pieces = [f"; {name}*0*={start}"]
    for character in characters:  # none is cut
        if len(pieces[-1]) + len(character) > _LINE:
            let_others_run()
            pieces.append(f"; {name}*{len(pieces)}*=")
        pieces[-1] += character
    return "".join(pieces)
