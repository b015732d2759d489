"""A message made fit for a relay that takes less: RFC 6152 3, RFC 3030 3, RFC 2045 6.

Two passes over the source: the first finds the parts and decides, the second writes. What need not change is copied
octet by octet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from gsubmit.fairness import let_others_run
from gsubmit.message import transferencoding
from gsubmit.message.body import BLOCK, MessageBody
from gsubmit.message.content import Content
from gsubmit.message.encodedword import in_ascii
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import ENCODINGS, IDENTITIES, UNKNOWN_ENCODING, Field, folded, split_header
from gsubmit.message.parts import Kind, Part, Segment, segments
from gsubmit.message.survey import Findings, Survey

_Encoder = Callable[[Iterator[bytes]], Iterator[bytes]]

_CRLF = b"\r\n"
MAX_NAME = 60  # characters of the name of a field, where it is shown
_VERSION = Field(b"mime-version", b"MIME-Version: 1.0\r\n")
# RFC 1428: what to say of 8-bit text that nobody has labelled.
_UNKNOWN_TEXT = Field(b"content-type", b"Content-Type: text/plain; charset=unknown-8bit\r\n")
# RFC 6532 3.7, RFC 6533 4.4: messages that may be encoded as they are.
_GLOBAL = (b"message/global", b"message/global-headers", b"message/global-delivery-status")
_ENCODERS = {b"base64": transferencoding.base64, b"quoted-printable": transferencoding.quoted_printable}
_MENDERS = {b"base64": transferencoding.mended_base64, b"quoted-printable": transferencoding.mended_quoted_printable}
# After content that ends the message without CRLF: octets that no decoder takes for content.
_ENDS = {b"base64": _CRLF, b"quoted-printable": b"=\r\n"}


def seven_bit(source: Content, directory: str) -> MessageBody:
    """The message as 7bit data: ASCII, CRLF, no line above 998 octets, in headers too. The caller closes both.

    Raises CannotConvert, and OSError when `directory` has no room.
    """
    return _converted(source, directory, takes_8bit=False)


def eight_bit(source: Content, directory: str) -> MessageBody:
    """The message as 8bit data: only binary parts are encoded. Otherwise like seven_bit()."""
    return _converted(source, directory, takes_8bit=True)


def headers_need_smtputf8(source: Content) -> bool:
    """Whether a header at any MIME level is not ASCII (EAI-10, EAI-13), or may be not, where that is hard to tell."""
    if not source.has_8bit:
        return False
    try:
        return any(_is_utf8_header(segment) for segment in segments(source))
    except CannotConvert:
        return True


def _is_utf8_header(segment: Segment) -> bool:
    part = segment.part
    may_hold_header = part.type.startswith(b"message/") or part.is_broken
    is_header = segment.kind is Kind.HEADER or (segment.kind is Kind.CONTENT and may_hold_header)
    return is_header and segment.findings.eight_bit > 0


@dataclass(slots=True)
class _Fate:
    """What becomes of a part."""

    becomes: bytes = b""  # the transfer encoding it gets, empty if it keeps its own
    is_mended: bool = False  # it keeps its encoding, without what does not belong there
    is_changed: bool = False  # it gets an encoding, or a part of it does
    adds: list[Field] = dataclass_field(default_factory=list)  # fields that come to the end of its header


def _converted(source: Content, directory: str, *, takes_8bit: bool) -> MessageBody:
    plan: list[Segment] = []
    fates: dict[Part, _Fate] = defaultdict(_Fate)
    for segment in segments(source):
        _decide(segment, fates, takes_8bit=takes_8bit)
        plan.append(segment)
    converted = MessageBody(directory)
    try:
        for segment in plan:
            for block in _written(source, segment, fates[segment.part], takes_8bit=takes_8bit):
                converted.append(block)
    except BaseException:  # an end of the greenlet too
        converted.close()
        raise
    return converted


def _decide(segment: Segment, fates: dict[Part, _Fate], *, takes_8bit: bool) -> None:
    """Note what becomes of the part."""
    part = segment.part
    # What a multipart is labelled counts only when it is divided.
    if segment.kind in (Kind.HEADER, Kind.AROUND) and not (part.is_sealed or part.seals):
        widest = IDENTITIES[1] if takes_8bit else IDENTITIES[0]
        if part.encoding not in IDENTITIES or part.encoding > widest:
            fates[part].becomes = widest
    if segment.findings.fits(takes_8bit=takes_8bit):
        return
    if _may_be_mended(segment):
        fates[part].is_mended = True
        return
    if part.is_sealed or (part.seals and segment.kind is not Kind.HEADER):
        raise CannotConvert(f"{_shown(part)} must not change")
    if segment.kind is Kind.CONTENT:
        _decide_encoding(part, segment.findings, fates)
    elif segment.kind is Kind.AROUND and not part.is_divided:  # what nobody has divided is not beside the point
        raise CannotConvert(f"{_shown(part)} has no parts")


def _may_be_mended(segment: Segment) -> bool:
    """Whether it is encoded content with octets or line lengths that no encoding has."""
    part = segment.part
    is_free = not (part.is_sealed or part.is_broken or part.is_container)
    is_known = part.encoding == b"base64" or (
        part.encoding == b"quoted-printable" and not segment.findings.has_odd_octets
    )
    return segment.kind is Kind.CONTENT and is_free and is_known


def _decide_encoding(part: Part, findings: Findings, fates: dict[Part, _Fate]) -> None:
    if part.is_container and part.type not in _GLOBAL:
        raise CannotConvert(f"{_shown(part)} cannot be encoded")  # RFC 2045 6.4
    is_text = part.type.startswith(b"text/") and not findings.has_odd_octets
    is_mostly_ascii = findings.eight_bit * 2 < findings.size and not findings.has_long_line
    fate = fates[part]
    fate.becomes = b"quoted-printable" if is_text and (is_mostly_ascii or not findings.eight_bit) else b"base64"
    if part.is_message and findings.eight_bit and not (part.has_version or part.has_type):
        fate.adds.append(_UNKNOWN_TEXT)
    outer: Part | None = part
    while outer is not None and not fates[outer].is_changed:
        fates[outer].is_changed = True
        if outer.is_message and not outer.has_version:
            fates[outer].adds.insert(0, _VERSION)
        outer = outer.parent


def _shown(part: Part) -> str:
    kind = part.type.decode("ascii") or "unknown type"
    why = ", the header of which is malformed" if part.is_broken else ""
    if sealer := part.sealer:
        why = f" within {sealer.place} ({sealer.type.decode('ascii') or 'unknown type'})"
    encoding = part.label if part.encoding == UNKNOWN_ENCODING else part.encoding.decode("ascii")
    return f"{part.place} ({kind}, {encoding}){why}"


def _written(source: Content, segment: Segment, fate: _Fate, *, takes_8bit: bool) -> Iterator[bytes]:
    fits = segment.findings.fits(takes_8bit=takes_8bit)
    if segment.kind is Kind.HEADER and (fate.becomes or fate.adds or not fits):
        octets = source.read(segment.start, segment.end - segment.start)
        yield _header(segment.part, fate, octets, takes_8bit=takes_8bit)
    elif segment.kind is Kind.CONTENT and (fate.becomes in ENCODINGS or fate.is_mended):
        encoding = fate.becomes or segment.part.encoding
        yield from _encoded(source, segment, (_MENDERS if fate.is_mended else _ENCODERS)[encoding])
        has_end = encoding == b"quoted-printable" and (fate.is_mended or source.read(segment.end - 2, 2) == _CRLF)
        if segment.end == source.size and not has_end:
            yield _ENDS[encoding]
    elif segment.kind is not Kind.AROUND or fits:  # DWN-13: what stands around the parts cannot be encoded
        yield from _octets(source, segment)


def _encoded(source: Content, segment: Segment, encoder: _Encoder) -> Iterator[bytes]:
    try:
        yield from encoder(_octets(source, segment))
    except CannotConvert as error:
        raise CannotConvert(f"{_shown(segment.part)}: {error.reason}") from None


def _octets(source: Content, segment: Segment) -> Iterator[bytes]:
    at = segment.start
    while at < segment.end:
        block = source.read(at, min(BLOCK, segment.end - at))
        let_others_run()
        at += len(block)
        yield block


def _header(part: Part, fate: _Fate, octets: bytes, *, takes_8bit: bool) -> bytes:
    label = b"Content-Transfer-Encoding: " + fate.becomes + _CRLF
    is_labelled = not fate.becomes
    lines = []
    for field in split_header(octets):
        let_others_run()
        if field.name == b"content-transfer-encoding" and fate.becomes:
            lines.append(label)
            is_labelled = True
        else:
            lines.append(_field(part, field, takes_8bit=takes_8bit))
    lines += [field.octets for field in fate.adds]
    if not is_labelled:
        lines.append(label)
    return b"".join(lines) + (_CRLF if (_CRLF + octets).endswith(_CRLF + _CRLF) else b"")


def _field(part: Part, field: Field, *, takes_8bit: bool) -> bytes:
    octets = field.octets
    try:
        if not takes_8bit and not octets.isascii():
            octets = in_ascii(field)
        elif field.name and not _fits(octets, takes_8bit=takes_8bit):
            octets = folded(octets.replace(_CRLF, b""))
        if not _fits(octets, takes_8bit=takes_8bit):
            raise CannotConvert("it holds NUL, a bare CR or LF, or a line that cannot be folded")
    except CannotConvert as error:
        name = field.octets.partition(b":")[0][:MAX_NAME].decode("ascii") if field.name else ""
        shown = f"the header field {name}" if name else "a line that is no header field"
        raise CannotConvert(f"{shown} of {part.place}: {error.reason}") from None
    return octets


def _fits(octets: bytes, *, takes_8bit: bool) -> bool:
    survey = Survey()
    survey.feed(octets)
    return survey.findings().fits(takes_8bit=takes_8bit)
