"""Fields with 8-bit octets: in ASCII with encoded-words (RFC 2047) and parameters of RFC 2231, and read."""

from __future__ import annotations

import binascii
import re
from base64 import b64encode
from collections.abc import Iterator
from itertools import chain

from gsubmit.fairness import let_others_run
from gsubmit.message.charset import UTF8, Charset, charset_of, cleaned, codec_of
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import Field, folded
from gsubmit.message.parameters import encoded_parameters, unquoted

# What one word holds: below the 75 characters of RFC 2047 2, and `Subject: ` fits on the line before the first.
_OCTETS = 39  # by B, 64 characters in all
_CHARACTERS = 48  # by Q, 67 in all
_WORD = re.compile(r"[ \t]*[^ \t]+")
_ENCODED_WORD = re.compile(r"(=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=)", re.ASCII)
_READ_WORD = re.compile(r"(?<![^\s(])=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*)\?=(?![^\s)])", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9!*+/-]")  # what Q leaves as it is wherever a word may stand, RFC 2047 5 (3)
_ADDRESSES = {
    *(b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"),
    *(b"resent-from", b"resent-sender", b"resent-reply-to", b"resent-to", b"resent-cc", b"resent-bcc"),
    *(b"disposition-notification-to", b"return-receipt-to", b"errors-to", b"mail-followup-to", b"mail-reply-to"),
    b"list-id",  # a phrase before <...> too, RFC 2919 3
}
_PHRASES = {b"keywords"}
_PARAMETERS = {b"content-type", b"content-disposition"}
# Nothing but comments in them may be encoded (RFC 2047 5 (2)).
_COMMENTED = {
    *(b"date", b"resent-date", b"message-id", b"resent-message-id", b"in-reply-to", b"references"),
    *(b"received", b"mime-version", b"content-id", b"content-transfer-encoding"),
}
# No text and no phrase in them; what is not named here is text (RFC 5322 3.6.8, RFC 2047 5).
_STRUCTURED = {
    *(b"return-path", b"dkim-signature", b"domainkey-signature", b"authentication-results", b"autocrypt"),
    *(b"auto-submitted", b"received-spf", b"disposition-notification-options", b"original-recipient"),
}
_STRUCTURED_FAMILIES = (b"content-", b"list-", b"arc-", b"resent-")
_TEXTS = {b"content-description"}
# A structured field in pieces: quoted-string, comment (with others in it), angle-addr, what separates, words, white
# space, anything else.
_PIECE = re.compile(
    r'"(?:[^"\\]++|\\.)*+"|\((?>(?:[^()\\]++|\\.|\((?:[^()\\]++|\\.)*+\))*)\)'
    r'|<[^<>]*+>|[,;:@]|[^\s"()<>,;:@\\]+|\s+|.',
    re.DOTALL | re.ASCII,
)
_HALVES = frozenset('"()<>\\')  # pieces that lack their other half


def in_ascii(field: Field) -> bytes:
    """The field's octets in ASCII, folded anew. Raises CannotConvert where nothing may be encoded."""
    name = field.octets.partition(b":")[0]
    charset = charset_of(field.value)
    text = field.value.decode(charset.codec)
    if field.name in _ADDRESSES:
        text = _addresses(text, charset)
    elif field.name in _PHRASES:
        text = _phrases(text, charset)
    elif field.name in _PARAMETERS:
        text = encoded_parameters(text, charset)
    elif field.name in _COMMENTED:
        text = "".join(_comment(piece, charset) for piece in _pieces(text))
    elif _is_text(field.name):
        text = _text(text, charset)
    if not (text.isascii() and name.isascii()):
        raise CannotConvert("it has non-ASCII characters where nothing may be encoded")
    return folded(name + b":" + text.encode("ascii"))


def _is_text(name: bytes) -> bool:
    return name in _TEXTS or not (not name or name in _STRUCTURED or name.startswith(_STRUCTURED_FAMILIES))


def _text(text: str, charset: Charset, *, whole: bool = False) -> str:
    """What needs it in encoded-words, or all of it, beside the encoded-words that are there already."""
    pieces = _ENCODED_WORD.split(text)
    last = len(pieces) - 1
    for number in range(0, len(pieces), 2):
        let_others_run()
        piece = pieces[number]
        if not piece.isascii() or (whole and piece.strip(" \t")):
            pieces[number] = _between(piece, charset, is_after=number > 0, is_before=number < last, whole=whole)
    return "".join(pieces)


def _between(text: str, charset: Charset, *, is_after: bool, is_before: bool, whole: bool) -> str:
    """Text after an encoded-word, before one, both or neither.

    White space between encoded-words is not text (RFC 2047 6.2). So everything from the first word that needs it to the
    last one becomes encoded, and what stands between that and other encoded-words too.
    """
    stripped = text.rstrip(" \t")
    words = []
    needy = []
    for number, word in enumerate(_WORD.finditer(stripped)):
        let_others_run()
        words.append(word[0])
        if whole or not word[0].isascii():
            needy.append(number)
    first, last = needy[0], needy[-1] + 1
    run = "".join(words[first:last])
    bare = run.lstrip(" \t")
    space = run[: len(run) - len(bare)] or " "
    if is_after and first == 0:
        space, bare = " ", run
    end = text[len(stripped) :]
    if is_before and last == len(words):
        bare, end = bare + end, " "
    return "".join(words[:first]) + space + _encoded(bare, charset) + "".join(words[last:]) + end


def _encoded(text: str, charset: Charset) -> str:
    """Encoded-words for the text."""
    room = _OCTETS if charset is UTF8 else _CHARACTERS
    chunks = [""]
    used = 0
    for character in text:  # none may be cut, RFC 2047 5
        size = len(character.encode(charset.codec)) if charset is UTF8 else len(_quoted(character, charset))
        if used + size > room:
            let_others_run()
            chunks.append("")
            used = 0
        chunks[-1] += character
        used += size
    return " ".join(_word(chunk, charset) for chunk in chunks)


def _word(text: str, charset: Charset) -> str:
    """B for UTF-8; Q for what readers may not be able to decode, so that they see the ASCII in it."""
    let_others_run()
    if charset is UTF8:
        return f"=?{charset.word}?B?{b64encode(text.encode(charset.codec)).decode('ascii')}?="
    return f"=?{charset.word}?Q?{''.join(_quoted(character, charset) for character in text)}?="


def _quoted(character: str, charset: Charset) -> str:
    if character == " ":
        return "_"
    if _PLAIN.fullmatch(character):
        return character
    return "".join(f"={octet:02X}" for octet in character.encode(charset.codec))


def _pieces(text: str) -> Iterator[str]:
    """A structured field in pieces. Raises CannotConvert at half a piece.

    No other piece is looked for then: each might make the search go to the end of the text.
    """
    for match in _PIECE.finditer(text):
        let_others_run()
        if match[0] in _HALVES:
            raise CannotConvert("it is malformed")
        yield match[0]


def _comment(piece: str, charset: Charset) -> str:
    """A comment in ASCII; any other piece as it is."""
    if piece[0] != "(" or piece.isascii():
        return piece
    return f"({_text(unquoted(piece), charset, whole=True).strip(' ')})"


def _addresses(text: str, charset: Charset) -> str:
    """Display names, group names and comments may be encoded, and nothing else."""
    done: list[str] = []
    run: list[str] = []  # what may be a phrase; `<` or `:` tells that it is one
    for found in _pieces(text):
        piece = _comment(found, charset)
        if piece[0] == "<" or piece == ":":
            done += [_phrase(run, charset), piece]
            run = []
        elif piece in (",", ";"):
            done += [*run, piece]
            run = []
        else:
            run.append(piece)
    address = "".join([*done, *run])
    if not address.isascii():
        raise CannotConvert("it has an address that is not ASCII")
    return address


def _phrases(text: str, charset: Charset) -> str:
    """A list of phrases, divided by commas."""
    done: list[str] = []
    run: list[str] = []
    for piece in chain(_pieces(text), ","):
        if piece == ",":
            done.append(_phrase(run, charset).rstrip(" \t"))
            run = []
        else:
            run.append(_comment(piece, charset))
    return ",".join(done)


def _phrase(run: list[str], charset: Charset) -> str:
    phrase = "".join(run)
    if phrase.isascii():
        return phrase
    if any(piece == "@" or piece[0] == "(" for piece in run):
        raise CannotConvert("it has more than a name before an address")
    if any(piece[0] == '"' and _ENCODED_WORD.search(piece) for piece in run):
        raise CannotConvert("it has an encoded-word within quotes")
    words = [unquoted(piece) if piece[0] == '"' else piece for piece in run]
    return _text("".join(words).rstrip(" \t"), charset, whole=True) + " "


def decoded(field: Field) -> str:
    """The text of a field, unfolded, encoded-words decoded (RFC 2047); what cannot be decoded stays as it is."""
    value = field.value.strip(b" \t")
    text = value.decode("ascii") if value.isascii() else _in_codec(value, UTF8.codec)
    if "=?" not in text:
        return text
    pieces: list[str] = []
    octets, charset, at = bytearray(), "", 0  # of the words that were last read
    for word in _READ_WORD.finditer(text):
        let_others_run()
        between = text[at : word.start()]
        at = word.end()
        if octets and charset == word[1].lower() and not between.strip():  # a character may be in two words
            octets += _octets(word)
            continue
        pieces.append(_in_codec(octets, codec_of(charset)))
        if not (charset and between.isspace()):
            pieces.append(between)
        octets, charset = bytearray(_octets(word)), word[1].lower()
    return "".join([*pieces, _in_codec(octets, codec_of(charset)), text[at:]])


def _octets(word: re.Match[str]) -> bytes:
    try:
        if word[2] in "bB":
            return binascii.a2b_base64(word[3] + "=" * (-len(word[3]) % 4))
        return binascii.a2b_qp(word[3].encode(), header=True)
    except (ValueError, UnicodeError):
        return word[0].encode()


def _in_codec(octets: bytes | bytearray, codec: str | None) -> str:
    """Never an error: what is in no charset that we know has a character for each octet."""
    try:
        return cleaned(octets.decode(codec or "latin-1"))
    except ValueError:
        return octets.decode("latin-1")
