"""The fields of one header, and what Content-Type and Content-Transfer-Encoding say, read from octets."""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import NamedTuple

from gsubmit.fairness import let_others_run

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
# A field with its folded lines, and what stands before its colon.
_FIELDS = re.compile(rb"(([!-9;-~]{1,40}+[ \t]*+):[^\r]*+(?>(?:(?:\r\n[ \t]|\r(?!\n))[^\r]*+)*)\r\n)")
_SMALL = 16 * 1024  # octets of a header that is split without others running meanwhile
_NAME = re.compile(rb"[!-9;-~]+")  # RFC 5322 3.6.8
_WORD = re.compile(rb"[ \t]*[^ \t]+")
_FOLD_AT = 76
# The limit is from RFC 6838 4.2; `+` and what else a token may hold from RFC 2045 5.1.
_TYPE = re.compile(rb"[ \t]*([!#-'*+\-.0-9A-Z^-~]{1,127}/[!#-'*+\-.0-9A-Z^-~]{1,127})(?=[ \t;(]|$)", re.IGNORECASE)
_PARAMETER = re.compile(rb';[ \t]*([^\s=;"]+)[ \t]*=[ \t]*("(?:[^"\\]++|\\.)*+"|[^;"]*)', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
MAX_BOUNDARY = 256  # octets; RFC 2046 5.1.1 says 70
# Transfer encodings that encode nothing, each wider than the one before it (RFC 2045 6.2).
IDENTITIES = (b"7bit", b"8bit", b"binary")
ENCODINGS = (b"base64", b"quoted-printable")
UNKNOWN_ENCODING = b"unknown"
MAX_LABEL = 200  # octets of a Content-Transfer-Encoding; longer ones are unknown
_COMMENT = re.compile(rb"\((?:[^()\\]++|\\.)*+\)", re.DOTALL)
_ENCODED_WORD = re.compile(rb"=\?[^?\s]+\?([bq])\?([^?\s]*)\?=", re.IGNORECASE)
_LABEL_WORD = re.compile(rb"[^\s;,/\"'<>]*[^\s;,/\"'<>.]")
_BITS = re.compile(rb"([78])[-_ ]?bits?")
# Encodings that there are outside the standard, and names of our two with a slip in them: what they mean is uncertain.
_LIKE_AN_ENCODING = re.compile(rb"x-|.*(?:quot|print|base|64|uu|yenc|hex|zip|compress|deflate|(?<!un)encod)")


class Field(NamedTuple):
    """One field: its name in lower case, empty if it is not a field at all, and its octets with CRLF and folding."""

    name: bytes
    octets: bytes

    @property
    def value(self) -> bytes:
        """What follows the colon, unfolded."""
        return self.octets.partition(b":")[2].replace(b"\r\n", b"")


def split_header(header: bytes) -> list[Field]:
    """The fields of a header, with or without the empty line after it. The last gets a CRLF if it has none."""
    if len(header) <= _SMALL:  # nearly all are, and have nothing odd
        found = _FIELDS.findall(header)
        together = b"".join([octets for octets, _ in found])
        if header in (together, together + b"\r\n"):
            # What Field(...) comes to, at half its cost.
            return [tuple.__new__(Field, (_known_name(name), octets)) for octets, name in found]
    fields = []
    for octets in _FIELD_END.split(header):
        let_others_run()
        if octets:
            written, colon, _ = octets.partition(b":")
            fields.append(Field(_field_name(written) if colon else b"", octets + b"\r\n"))
    return fields


def _field_name(written: bytes) -> bytes:
    """The name in what stands before a colon, in lower case; empty if it is none."""
    name = written.rstrip(b" \t")
    return name.lower() if _NAME.fullmatch(name) else b""


_known_name = lru_cache(maxsize=256)(_field_name)  # there are few in all mail


def folded(line: bytes) -> bytes:
    """A field, given in one line without CRLF, folded before white space where it is longer than it should be."""
    text = line.rstrip(b" \t")  # a line of nothing but white space is no line of a field
    lines = []
    begin = 0
    for word in _WORD.finditer(text):
        let_others_run()
        if word.end() - begin > _FOLD_AT and word.start() > begin:
            lines.append(text[begin : word.start()])
            begin = word.start()
    return b"\r\n".join([*lines, line[begin:]]) + b"\r\n"


class MediaType(NamedTuple):
    """`name` in lower case, as in text/plain; `boundary` is empty unless it is a multipart that has a usable one."""

    name: bytes
    boundary: bytes


def type_name(value: bytes) -> bytes:
    """The media type in a Content-Type, in lower case, as in text/plain; empty when there is none."""
    found = _TYPE.match(value)
    return found[1].lower() if found is not None else b""


def parameter(value: bytes, name: bytes) -> bytes:
    """The first parameter of this name, without its quotes; empty when there is none."""
    for match in _PARAMETER.finditer(value):
        let_others_run()
        if match[1].lower() == name:
            found = match[2].rstrip(b" \t")
            return _QUOTED_PAIR.sub(rb"\1", found[1:-1]) if found.startswith(b'"') else found
    return b""


def media_type(value: bytes) -> MediaType | None:
    """What a Content-Type means, or None when readers may differ about it."""
    name = type_name(value)
    if not name:
        return None
    if not name.startswith(b"multipart/"):
        return MediaType(name, b"")
    found_boundaries = []
    for match in _PARAMETER.finditer(value):
        let_others_run()
        if match[1].lower().startswith(b"boundary"):
            found_boundaries.append(match)
    # Two of them, or one in the pieces of RFC 2231: too few readers agree.
    if len(found_boundaries) != 1 or found_boundaries[0][1].lower() != b"boundary":
        return None
    boundary = found_boundaries[0][2].rstrip(b" \t")
    if boundary.startswith(b'"'):
        boundary = _QUOTED_PAIR.sub(rb"\1", boundary[1:-1])
    elif re.search(rb"[\s(]", boundary):
        return None  # a comment, or something that is none
    boundary = boundary.rstrip(b" \t")
    return MediaType(name, boundary) if 0 < len(boundary) <= MAX_BOUNDARY else None


def transfer_encoding(value: bytes) -> bytes:
    """What a Content-Transfer-Encoding means: one of IDENTITIES or ENCODINGS, or UNKNOWN_ENCODING.

    Clients write more than RFC 2045 6.1 allows. Whoever names a charset or the like means that nothing is encoded, for
    there is no encoding of that name (RFC 2045 6.3).
    """
    if len(value) > MAX_LABEL:
        return UNKNOWN_ENCODING
    label = _ENCODED_WORD.sub(_decoded, value)
    while (bare := _COMMENT.sub(b" ", label)) != label:
        label = bare
    words = _LABEL_WORD.findall(label.lower())
    if not words:
        return IDENTITIES[0]
    bits = _BITS.match(b" ".join(words))
    first = bits[1] + b"bit" if bits else words[0]
    if first in IDENTITIES or first in ENCODINGS:
        return first
    return UNKNOWN_ENCODING if any(map(_LIKE_AN_ENCODING.match, words)) else IDENTITIES[1]


def _decoded(word: re.Match[bytes]) -> bytes:
    try:
        return binascii.a2b_base64(word[2]) if word[1] in b"bB" else binascii.a2b_qp(word[2], header=True)
    except binascii.Error:
        return word[0]
