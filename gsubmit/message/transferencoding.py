"""Quoted-printable and base64 in fixed memory, made, mended and read (RFC 2045 6.7, 6.8)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from struct import Struct

from gsubmit.message.body import BLOCK
from gsubmit.message.fault import CannotConvert

_CRLF = b"\r\n"
_SOFT_BREAK = b"=\r\n"
_LINE = 76  # characters before CRLF
_BASE64_OCTETS = 57  # that make 76 characters
_FULL_LINE = Struct("76s")  # twice as fast as slicing
# A line that fits, or what goes before a soft break: 70 characters and up to three more, so that no =XX is cut. There
# stays room for `=`, or for what _dashless() adds. It is possessive, so that nothing ever backtracks into an =XX.
_PIECE = re.compile(rb"[^\r\n]{70}[^=\r\n]{0,3}+(?=[^\r\n]{2})|[^\r\n]*\r\n|[^\r\n]+")
_EQUALS = ord("=")
_NO_BASE64 = bytes([*range(33), *range(127, 256)])  # what decoders overlook: controls, white space and 8-bit octets
_NOT_IN_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*+(={0,2})")
_LONG_LINE = re.compile(rb"[^\r\n]{%d,}" % (_LINE + 1))
# An `=` that encodes nothing and breaks no line is one itself (RFC 2045 6.7); a soft break must not come beside it.
_STRAY_EQUALS = re.compile(rb"=(?![0-9A-Fa-f]{2}|[0-9A-Fa-f]?\Z|[ \t]*(?:\r?\Z|\r\n))")
_EQUALS_BEFORE_8BIT = re.compile(rb"=(?=[\x80-\xff])")  # a stray one too, and must not meet the `=` that comes there
_PADDED_SOFT_BREAK = re.compile(rb"=[ \t]+\Z")  # the blanks mean nothing (RFC 2045 6.7 (3)), and must not come alone
_BLANKS_BEFORE_END = re.compile(rb"(?<![ \t])[ \t]++(?=\r\n)")  # lost on the way, and never meant (RFC 2045 6.7 (3))
# What may go on in the next piece: =XX, a soft break, or blanks at the end of a line.
_CUT = re.compile(rb"=[0-9A-Fa-f]?\Z|(?:=|(?<![ \t\r=]))[ \t\r]{1,998}\Z")
_LITERAL = bytes({*b"\t\r\n", *range(32, 127)} - {_EQUALS})


def base64(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The octets of all pieces as lines of base64, without the last CRLF."""
    rest = b""
    for piece in pieces:
        data = rest + piece
        # One octet stays at least, so that every line but the last has its CRLF.
        whole = max(len(data) - 1, 0) // _BASE64_OCTETS * _BASE64_OCTETS
        rest = data[whole:]
        if whole:
            text = binascii.b2a_base64(data[:whole], newline=False)
            yield _CRLF.join([line for (line,) in _FULL_LINE.iter_unpack(text)]) + _CRLF
    yield binascii.b2a_base64(rest, newline=False)


def quoted_printable(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Text of all pieces in quoted-printable; its CRLFs stay line breaks. It must hold CR and LF only as CRLF."""
    rest = b""
    for piece in pieces:
        data = rest + piece
        end = data.rfind(_CRLF) + len(_CRLF)
        if end >= len(_CRLF):
            yield _quoted(data[:end])
            rest = data[end:]
        elif len(data) > BLOCK:  # a line that is longer than a block
            yield _quoted(data[:-1]) + _SOFT_BREAK  # a CR at the end may be half of a CRLF
            rest = data[-1:]
        else:
            rest = data
    yield _quoted(rest)


def _quoted(data: bytes) -> bytes:
    """Whole lines, or a part of one."""
    # One replacement for each octet that occurs is ten times faster than one for each place. `=` must be the first.
    for octet in sorted(set(data.translate(None, _LITERAL)), key=_EQUALS.__ne__):
        data = data.replace(bytes([octet]), b"=%02X" % octet)
    # White space at the end of a line would be lost, RFC 2045 6.7 (3).
    data = data.replace(b" \r\n", b"=20\r\n").replace(b"\t\r\n", b"=09\r\n")
    if data.endswith((b" ", b"\t")):
        data = data[:-1] + b"=%02X" % data[-1]
    pieces = [piece if piece.endswith(_CRLF) else piece + _SOFT_BREAK for piece in _PIECE.findall(_dashless(data))]
    return _dashless(b"".join(pieces))[: None if data.endswith(_CRLF) else -3]


def _dashless(data: bytes) -> bytes:
    """No line begins with two dashes: a soft break might otherwise make a line that looks like a delimiter."""
    data = data.replace(b"\r\n--", b"\r\n=2D-")
    return b"=2D-" + data[2:] if data.startswith(b"--") else data


def mended_base64(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Base64 in lines of 76 characters, without the last CRLF and without what decoders overlook (RFC 2045 6.8).

    Raises CannotConvert for what may be no base64 at all.
    """
    rest = b""
    size = 0
    is_padded = has_8bit = False
    for piece in pieces:
        has_8bit = has_8bit or not piece.isascii()
        text = piece.translate(None, _NO_BASE64)
        found = _BASE64.fullmatch(text)
        if found is None or (is_padded and text.strip(b"=")):
            raise CannotConvert("it is not base64")
        is_padded = is_padded or bool(found[1])
        size += len(text)
        text = rest + text
        whole = max(len(text) - 1, 0) // _LINE * _LINE
        rest = text[whole:]
        if whole:
            yield _CRLF.join([line for (line,) in _FULL_LINE.iter_unpack(text[:whole])]) + _CRLF
    if has_8bit and size % 4:  # more likely text with a false label
        raise CannotConvert("it is not base64")
    yield rest


def mended_quoted_printable(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Quoted-printable with its 8-bit octets encoded, as decoders read them, and lines that are too long broken.

    It must hold CR and LF only as CRLF.
    """
    rest = b""
    for piece in pieces:
        data = rest + piece
        end = data.rfind(_CRLF) + len(_CRLF)
        if end < len(_CRLF) and len(data) > BLOCK:  # a line that is longer than a block
            data = _STRAY_EQUALS.sub(b"=3D", data)
            if data.rstrip(b" \t\r") == b"=":  # nobody breaks a line like that
                data = b"=3D" + data[1:]
            end = _uncut(data)
            yield _mended(data[:end]) + _SOFT_BREAK
        elif end >= len(_CRLF):
            yield _mended(data[:end])
        else:
            end = 0
        rest = b"=2D" if data[end:] == b"-" else data[end:]  # no line may begin with two dashes
    yield _mended(rest)


def _uncut(data: bytes) -> int:
    """Where a line may be cut: not in CRLF, not within =XX, and not within a soft break with blanks."""
    bare = data.rstrip(b" \t\r")
    if bare.endswith(b"="):
        return len(bare) - 1
    escape = data.rfind(b"=", len(data) - 3)
    return escape if escape >= 0 else len(data) - 1


def _mended(data: bytes) -> bytes:
    data = _EQUALS_BEFORE_8BIT.sub(b"=3D", data)
    for octet in set(data.translate(None, bytes(range(128)))):
        data = data.replace(bytes([octet]), b"=%02X" % octet)
    return _LONG_LINE.sub(_broken, data)


def _broken(line: re.Match[bytes]) -> bytes:
    text = _PADDED_SOFT_BREAK.sub(b"=", line[0])
    first, *others = _PIECE.findall(_STRAY_EQUALS.sub(b"=3D", text))
    return _SOFT_BREAK.join([first, *map(_dashless, others)])


def from_base64(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What it encodes; whatever is no base64 is overlooked."""
    kept = b""
    for piece in pieces:
        kept += _NOT_IN_BASE64.sub(b"", piece)
        whole = len(kept) - len(kept) % 4
        yield binascii.a2b_base64(kept[:whole])
        kept = kept[whole:]
    if len(kept) > 1:
        yield binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def from_quoted_printable(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What it encodes; an `=` that means nothing is one itself."""
    rest = b""
    for piece in pieces:
        data = _STRAY_EQUALS.sub(b"=3D", rest + piece)
        cut = _CUT.search(data, max(len(data) - 1000, 0))
        end = cut.start() if cut is not None else len(data)
        rest = data[end:]
        yield binascii.a2b_qp(_BLANKS_BEFORE_END.sub(b"", data[:end]))
    yield binascii.a2b_qp(_BLANKS_BEFORE_END.sub(b"", rest))
