"""What a password scheme is: how its contents are written, compared and made."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gsubmit.auth.schemes.cost import Cost, nothing
from gsubmit.sasl import base64
from gsubmit.sasl.claims import octets_of

ENCODINGS = ("", "B64", "BASE64", "HEX")  # of a content; the first: it is text


class SchemeError(Exception):
    """A stored password that we cannot read. The text never holds any part of it."""


class Incomparable(SchemeError):
    """It is this password that cannot be compared with that content, so it is not the right one."""


Make = Callable[[bytes, int, str], bytes]  # password, rounds (0 if there are none), user; gives the content


class Rounds(NamedTuple):
    """How often something is repeated to make guessing slow."""

    default: int
    least: int
    most: int


def never(content: bytes) -> bool:
    """For schemes that are not weak."""
    return False


def always(content: bytes) -> bool:
    """For schemes that are weak whatever the content."""
    return True


@dataclass(frozen=True)
class Scheme:
    """One kind of stored password. Contents are octets, in the file they may be encoded.

    `matches` raises SchemeError for a malformed content; `make` raises ValueError for a password that it cannot take.
    """

    matches: Callable[[bytes, bytes, str], bool]  # content, password, user
    make: Make
    rounds: Rounds | None = None
    encoding: str = ""  # B64 or HEX, where the scheme's name has no suffix; empty: the content is text
    size: int = 0  # octets of the content, where it has always the same: the length of the text then tells the encoding
    is_cheap: bool = False  # a few microseconds: not worth a thread
    cost: Callable[[bytes], Cost] = nothing  # of comparing a content
    is_weak: Callable[[bytes], bool] = never  # of a content; refused without auth_allow_weak_schemes


def recomputed(make: Make, encoding: str = "", size: int = 0, is_weak: Callable[[bytes], bool] = never) -> Scheme:
    """A scheme whose content follows from password and user alone, so that it is made once more to compare."""

    def matches(content: bytes, password: bytes, user: str) -> bool:
        if size and len(content) != size:
            raise SchemeError("digest of the wrong length")
        try:
            return hmac.compare_digest(content, make(password, 0, user))
        except ValueError as fault:  # about the user
            raise SchemeError(str(fault)) from None

    return Scheme(matches, make, encoding=encoding, size=size, is_cheap=True, is_weak=is_weak)


def decoded(text: str, encoding: str, size: int) -> bytes:
    """The octets of a content, or SchemeError. A size other than 0 counts more than the encoding, see Scheme."""
    if size:
        encoding = "HEX" if len(text) == 2 * size else "B64"
    try:
        if encoding in ("B64", "BASE64"):
            return base64.decode(text)
        if encoding == "HEX":
            return binascii.unhexlify(text)
        if not encoding:
            return octets_of(text)
    except ValueError:
        raise SchemeError("malformed base64, hexadecimal or UTF-8") from None
    raise SchemeError("unknown encoding of a password scheme")


def encoded(content: bytes, encoding: str) -> str:
    """The text of a content."""
    if encoding in ("B64", "BASE64"):
        return b64encode(content).decode("ascii")
    return content.hex() if encoding == "HEX" else content.decode("utf-8")
