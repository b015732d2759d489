"""Strings of a script: constant, or with variables in them (RFC 5229 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.limits import STRIDE, TURN, in_turns
from gsubmit.sieve.machine import Machine

VARIABLE = re.compile(
    r"\$\{((?:[A-Za-z_][A-Za-z0-9_]*\.(?:(?:[0-9]+|[A-Za-z_][A-Za-z0-9_]*)\.)*)?)([0-9]+|[A-Za-z_][A-Za-z0-9_]*)\}"
)
_ENCODED = re.compile(r"\$\{(hex|unicode):([ \t\r\n]*[0-9a-f]+(?:[ \t\r\n]+[0-9a-f]+)*[ \t\r\n]*)\}", re.IGNORECASE)
OCTET = re.compile("[\udc80-\udcff]")  # one that is no UTF-8 alone (PEP 383)
_HEX_DIGITS = 2  # at most, of an octet
_MAX_UNICODE, _SURROGATES = 0x10FFFF, range(0xD800, 0xE000)
Piece = Callable[[Machine], str]


@dataclass(frozen=True, slots=True)
class Text:
    """One string. `constant` is None if there are variables in it."""

    constant: str | None
    pieces: tuple[Piece | str, ...] = ()

    def of(self, machine: Machine) -> str:
        """What it is now. Raises Mistake if it is too long."""
        if self.constant is not None:
            return self.constant
        found: list[str] = []
        left = machine.limits.string_size
        for count, piece in enumerate(self.pieces, 1):
            text = piece if isinstance(piece, str) else piece(machine)
            left -= len(text)
            if left < 0:
                raise Mistake(f"a string of more than {machine.limits.string_size} characters")
            found.append(text)
            if count % TURN == 0:
                machine.work(TURN)
        machine.work(len(found) % TURN + (machine.limits.string_size - left) // STRIDE)
        return rejoined("".join(found))


class Texts:
    """A list of strings; `constants` is None if there are variables in one of them."""

    __slots__ = ("constants", "texts")

    def __init__(self, texts: Sequence[Text]) -> None:
        found = [text.constant for text in texts if text.constant is not None]
        self.constants = tuple(found) if len(found) == len(texts) else None
        self.texts = tuple(texts) if self.constants is None else ()

    def of(self, machine: Machine) -> Sequence[str]:
        """What they are now. Raises Mistake if they are too long together."""
        if self.constants is not None:
            return self.constants
        found = []
        left = machine.limits.string_size
        for text in self.texts:
            found.append(text.of(machine))
            left -= len(found[-1])
            if left < 0:
                raise Mistake(f"a list of strings of more than {machine.limits.string_size} characters")
        return found


def with_backslashes(text: str, signs: str) -> str:
    """A backslash before each of these signs, and before backslashes."""
    for sign in "\\" + signs:
        text = text.replace(sign, "\\" + sign)
    return text


def template(string: str, piece: Callable[[str, str], Piece], pause: Callable[[], None]) -> Text:
    """A string in a script with variables; `piece` is told namespace (empty, or with its dot) and name of each."""
    pieces: list[Piece | str] = []
    at = 0
    for found in in_turns(VARIABLE.finditer(string), pause):
        if found.start() > at:
            pieces.append(string[at : found.start()])
        pieces.append(piece(found[1].lower(), found[2].lower()))
        at = found.end()
    if not pieces:
        return Text(string)
    if at < len(string):
        pieces.append(string[at:])
    return Text(None, tuple(pieces))


def decoded(string: str, pause: Callable[[], None]) -> str:
    """With the encoded characters of RFC 5228 2.4.2.4. Raises Mistake."""
    if "${" not in string:
        return string
    pieces: list[str] = []
    at = 0
    for found in in_turns(_ENCODED.finditer(string), pause):
        pieces += (string[at : found.start()], _decoded(found, pause))
        at = found.end()
    return rejoined("".join([*pieces, string[at:]]))


def rejoined(text: str) -> str:
    """Octets that are UTF-8 together, wherever they came from, are one character."""
    if text.isascii() or OCTET.search(text) is None:
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _decoded(found: re.Match[str], pause: Callable[[], None]) -> str:
    numerals = found[2].split()
    if found[1].lower() == "hex":
        if any(len(numeral) > _HEX_DIGITS for numeral in in_turns(numerals, pause)):
            return found[0]
        octets = bytes(int(numeral, 16) for numeral in in_turns(numerals, pause))
        return octets.decode("utf-8", "surrogateescape")
    characters = list[int]()
    for numeral in in_turns(numerals, pause):
        characters.append(character := int(numeral, 16))
        if character > _MAX_UNICODE or character in _SURROGATES:
            raise Mistake(f"there is no character {numeral.lstrip('0')[:40].upper()}")
    return "".join(map(chr, characters))
