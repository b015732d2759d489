"""Text added at the end of what people read of a message: its first text/plain and its first text/html."""

from __future__ import annotations

import binascii
import email.message
import email.parser
import quopri
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from gsubmit.message.body import MessageBody
from gsubmit.message.charset import codec_of
from gsubmit.message.content import between
from gsubmit.message.draft import Draft
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import IDENTITIES, Field, split_header
from gsubmit.message.parts import Kind, Part, Segment, segments
from gsubmit.message.signatures import is_signed
from gsubmit.message.transferencoding import from_base64

_CRLF = b"\r\n"
_CHARSET = re.compile(rb';[ \t]*charset[ \t]*=[ \t]*("[^"]*"|[^;\s]*)', re.IGNORECASE)
_ABOUT = frozenset({b"content-type", b"content-disposition"})
MAX_ABOUT = 4096  # octets of these; what reads them takes the square of their length
_QUANTUM = 57  # octets on a line of base64
_LAST_LINE = 1000  # octets that are looked at for how it ends
_SIGNATURE = re.compile(rb">* ?-- ")  # which never flows on (RFC 3676 4.3)
_TAIL = 8  # octets: `</body` may lie across two blocks


class _Leaf(NamedTuple):
    content: Segment
    fields: list[Field]
    said: email.message.Message

    @property
    def is_html(self) -> bool:
        return self.content.part.type == b"text/html"

    @property
    def is_flowed(self) -> bool:
        return not self.is_html and str(self.said.get_param("format")).lower() == "flowed"


def append_text(draft: Draft, plain: str, html: str) -> bool:
    """Add `plain` to the first text/plain and `html` to the first text/html; whether either was added.

    Never to what a signature covers, within what is signed, encrypted or a message of its own, or to attachments.
    """
    if is_signed(draft.fields):
        return False
    texts = {b"text/plain": plain, b"text/html": html}
    try:
        headers, found = _leaves(draft, {name for name, text in texts.items() if text})
    except CannotConvert:
        return False
    edits = _edits(draft, headers, found, texts)
    if not edits:
        return False
    _carry_out(draft, edits)
    return True


def _leaves(draft: Draft, wanted: set[bytes]) -> tuple[dict[Part, Segment], list[_Leaf]]:
    """The headers of all parts, the message's first; and the first text of each type that may be changed."""
    found: dict[bytes, _Leaf] = {}
    headers: dict[Part, Segment] = {}
    for segment in segments(draft):
        part = segment.part
        if segment.kind is Kind.HEADER:
            headers[part] = segment
        elif segment.kind is Kind.CONTENT and part.type in wanted and part.type not in found and _may_change(part):
            fields = _fields(draft, headers[part])
            said = _about(fields)
            if said is not None and said.get_content_disposition() != "attachment" and not said.get_filename():
                found[part.type] = _Leaf(segment, fields, said)
    return headers, list(found.values())


def _fields(draft: Draft, header: Segment) -> list[Field]:
    return split_header(draft.read(header.start, header.end - header.start))


def _about(fields: list[Field]) -> email.message.Message | None:
    """What Content-Type and Content-Disposition say; None where they are longer than a program makes them."""
    octets = b"".join([field.octets for field in fields if field.name in _ABOUT])
    return email.parser.BytesHeaderParser().parsebytes(octets) if len(octets) <= MAX_ABOUT else None


def _may_change(part: Part) -> bool:
    outer, is_whole = part.parent, not part.is_broken and not part.is_sealed
    while outer is not None and not outer.holds_message:
        outer = outer.parent
    return is_whole and outer is None and part.encoding != b"unknown"


class _Edit(NamedTuple):
    """Other octets in the place of those from `start` to `end`, which may be a header."""

    start: int
    end: int
    octets: Iterable[bytes]
    is_header: bool = False


def _edits(draft: Draft, headers: dict[Part, Segment], leaves: Iterable[_Leaf], texts: dict[bytes, str]) -> list[_Edit]:
    """In the order of the message: the texts, and what headers say of them."""
    edits, changed = list[_Edit](), dict[Part, list[Field]]()
    for leaf in leaves:
        part = leaf.content.part
        made = _made(leaf, texts[part.type])
        if made is None:
            continue
        octets, fields = made
        if fields is not leaf.fields:
            changed[part] = fields
        is_wider = part.encoding == IDENTITIES[0] and not octets.isascii()
        outer = part if is_wider else None
        while outer is not None:  # what is around 8-bit content is 8-bit too (RFC 2045 6.4)
            if outer.encoding == IDENTITIES[0]:
                fields = changed.get(outer) or _fields(draft, headers[outer])
                changed[outer] = _with(fields, "Content-Transfer-Encoding", IDENTITIES[1])
            outer = outer.parent
        edits.append(_insertion(draft, leaf, octets))
    message = next(iter(headers))
    if changed and not message.has_version:  # RFC 2045 4
        changed[message] = _with(changed.get(message) or _fields(draft, headers[message]), "MIME-Version", b"1.0")
    for part, fields in changed.items():
        header = headers[part]
        edits.append(_Edit(header.start, header.end, [b"".join(one.octets for one in fields) + _CRLF], is_header=True))
    return sorted(edits, key=lambda edit: (edit.start, not edit.is_header))  # a header may have no octets yet


def _made(leaf: _Leaf, text: str) -> tuple[bytes, list[Field]] | None:
    """The text in the part's charset, and what the part's fields become; None for a charset that is no use."""
    text = "\r\n".join(text.splitlines())
    if leaf.is_flowed:
        text = _flowed(text)
    codec = _codec(leaf)
    if codec is None:
        return None
    if leaf.is_html:
        return text.encode(codec, "xmlcharrefreplace"), leaf.fields
    try:
        return text.encode(codec), leaf.fields
    except UnicodeEncodeError:
        if codec != "ascii":
            return text.encode(codec, "replace"), leaf.fields
        return text.encode(), _as_utf8(leaf.fields)  # what is there is UTF-8 as well


def _codec(leaf: _Leaf) -> str | None:
    """What the part is written in; None where ASCII is not part of it, or it is unknown."""
    codec = codec_of(leaf.said.get_content_charset("us-ascii"))
    return codec if codec is not None and "</body".encode(codec) == b"</body" else None


def _flowed(text: str) -> str:
    """Lines that end where they end, and are quoted by nobody (RFC 3676 4.2, 4.4)."""
    lines = (line if line == "-- " else line.rstrip(" ") for line in text.split(_CRLF.decode()))
    return "\r\n".join(f" {line}" if line.startswith((" ", ">", "From ")) else line for line in lines)


def _with(fields: list[Field], name: str, value: bytes) -> list[Field]:
    lower = name.lower().encode()
    field = Field(lower, name.encode() + b": " + value + _CRLF)
    others = [one for one in fields if one.name != lower]
    return [*others, field]


def _as_utf8(fields: list[Field]) -> list[Field]:
    said = next((one.value.strip() for one in fields if one.name == b"content-type"), b"text/plain")
    return _with(fields, "Content-Type", _CHARSET.sub(b"", said).rstrip(b"; ") + b"; charset=utf-8")


def _insertion(draft: Draft, leaf: _Leaf, octets: bytes) -> _Edit:
    start, end, encoding = leaf.content.start, leaf.content.end, leaf.content.part.encoding
    if encoding == b"base64":
        at = _last_end(from_base64(between(draft, start, end))) if leaf.is_html else -1
        blocks = from_base64(between(draft, start, end))
        lines = _to_base64(_inserted(blocks, at, octets, is_flowed=leaf.is_flowed))
        return _Edit(start, end, chain(lines, [_CRLF] if end == draft.size else []))
    if encoding == b"quoted-printable":
        octets = quopri.encodestring(octets.replace(_CRLF, b"\n")).replace(b"\n", _CRLF)
    at = _last_end(between(draft, start, end)) if leaf.is_html else -1
    if at < 0:
        size = min(end - start, _LAST_LINE)
        tail = draft.read(end - size, size)
        ends_line = not tail or tail.endswith(_CRLF)
        # Before a delimiter the last CRLF is the delimiter's, at the end of the message it is the text's.
        after = _CRLF if ends_line or end == draft.size else b""
        if encoding == b"quoted-printable":
            return _Edit(end, end, [_gap_in_quoted(tail, is_flowed=leaf.is_flowed), octets, after])
        return _Edit(end, end, [_gap(tail, is_flowed=leaf.is_flowed), octets, after])
    if encoding == b"quoted-printable":  # on lines of its own, which nobody sees
        octets = b"=\r\n" + octets + b"=\r\n"
    return _Edit(start + at, start + at, [octets])


def _gap(tail: bytes, *, is_flowed: bool) -> bytes:
    """What comes between a text that ends so, and one that is to begin a line.

    An empty line ends a paragraph whose last line flows on (RFC 3676 4.2), and is not shown as one.
    """
    line = tail.removesuffix(b"\n").removesuffix(b"\r").rpartition(b"\n")[2]
    flows_on = is_flowed and line.endswith(b" ") and not _SIGNATURE.fullmatch(line)
    return (b"" if not tail or tail.endswith(b"\n") else _CRLF) + (_CRLF if flows_on else b"")


def _gap_in_quoted(tail: bytes, *, is_flowed: bool) -> bytes:
    """The same in quoted-printable, where the line may end within the text's, by a soft line break."""
    line = tail.removesuffix(_CRLF).rstrip(b" \t")  # blanks at the end of a line are none
    if not line.endswith(b"="):
        return _gap(quopri.decodestring(tail), is_flowed=is_flowed)
    end = b"" if tail.endswith(_CRLF) else _CRLF
    return end + _gap(quopri.decodestring(line), is_flowed=is_flowed)


def _last_end(blocks: Iterable[bytes]) -> int:
    """Where the last `</body` begins, or -1."""
    found, at, tail = -1, 0, b""
    for block in blocks:
        text = tail + block.lower()
        place = text.rfind(b"</body")
        if place >= 0:
            found = at - len(tail) + place
        at += len(block)
        tail = text[-_TAIL:]
    return found


def _inserted(blocks: Iterable[bytes], at: int, octets: bytes, *, is_flowed: bool) -> Iterator[bytes]:
    """With `octets` at that place, or on a line of their own at the end."""
    passed, tail = 0, b""
    for block in blocks:
        if passed <= at < passed + len(block):
            yield block[: at - passed]
            yield octets
            yield block[at - passed :]
        else:
            yield block
        passed += len(block)
        tail = (tail + block[-_LAST_LINE:])[-_LAST_LINE:]
    if at < 0:
        yield _gap(tail, is_flowed=is_flowed) + octets + _CRLF


def _to_base64(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, each with its CRLF but for the last, which may be the delimiter's."""
    kept, end = b"", b""
    for block in blocks:
        kept += block
        whole = len(kept) - len(kept) % _QUANTUM
        lines = [binascii.b2a_base64(kept[at : at + _QUANTUM], newline=False) for at in range(0, whole, _QUANTUM)]
        if lines:
            yield end + _CRLF.join(lines)
            end = _CRLF
        kept = kept[whole:]
    if kept:
        yield end + binascii.b2a_base64(kept, newline=False)


def _carry_out(draft: Draft, edits: list[_Edit]) -> None:
    """Make the new content in one pass. An edit of the message's own header is one of its fields."""
    header = sum(len(field.octets) for field in draft.fields)
    content, at = MessageBody(draft.directory), header + len(_CRLF)
    fields = list(draft.fields)
    try:
        for edit in edits:
            if edit.is_header and edit.start == 0:
                fields = split_header(b"".join(edit.octets))
                continue
            for block in between(draft, at, edit.start):
                content.append(block)
            for block in edit.octets:
                content.append(block)
            at = edit.end
        for block in between(draft, at, draft.size):
            content.append(block)
    except BaseException:
        content.close()
        raise
    draft.replace_content(content)
    if fields != list(draft.fields):
        draft.edit(fields)
