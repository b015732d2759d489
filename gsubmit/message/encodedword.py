"""Header fields with UTF-8 in them, written in ASCII with encoded-words (RFC 2047)."""

from __future__ import annotations

import re
from base64 import b64encode

from gsubmit.fairness import let_others_run
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import Field, folded

# 64 characters each: below the 75 of RFC 2047 2, and `Subject: ` fits on the line before the first.
_OCTETS = 39
_WORD = re.compile(r"[ \t]*[^ \t]+")
_ADDRESSES = {
    *(b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"),
    *(b"resent-from", b"resent-sender", b"resent-reply-to", b"resent-to", b"resent-cc", b"resent-bcc"),
    *(b"disposition-notification-to", b"return-receipt-to", b"errors-to", b"mail-followup-to", b"mail-reply-to"),
    b"list-id",  # a phrase before <...> too, RFC 2919 3
}
# No text and no phrase in them; what is not named here is text (RFC 5322 3.6.8, RFC 2047 5).
_STRUCTURED = {
    *(b"date", b"message-id", b"in-reply-to", b"references", b"keywords", b"received", b"return-path"),
    *(b"mime-version", b"dkim-signature", b"domainkey-signature", b"authentication-results", b"autocrypt"),
    *(b"auto-submitted", b"received-spf", b"disposition-notification-options", b"original-recipient"),
}
_STRUCTURED_FAMILIES = (b"content-", b"list-", b"arc-", b"resent-")
_TEXTS = {b"content-description"}
# An address field in pieces: quoted-string, comment, angle-addr, what separates, words, white space, anything else.
_PIECE = re.compile(
    r'"(?:[^"\\]++|\\.)*+"|\((?:[^()\\]++|\\.)*+\)|<[^<>]*>|[,;:@]|[^\s"()<>,;:@\\]+|\s+|.',
    re.DOTALL,
)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


def in_ascii(field: Field) -> bytes:
    """The field's octets in ASCII, folded anew. Raises CannotConvert where an encoded-word may not stand."""
    name = field.octets.partition(b":")[0]
    shown = field.name.decode("ascii") or "a line that is no field"
    try:
        text = field.value.decode("utf-8")
    except UnicodeDecodeError:
        raise CannotConvert(f"header: {shown} is not UTF-8") from None
    if "=?" in text:  # encoded-words beside ours would lose the space between
        raise CannotConvert(f"header: {shown} has both encoded-words and UTF-8")
    if field.name in _ADDRESSES:
        text = _addresses(text, shown)
    elif _is_text(field.name):
        text = _text(text)
    else:
        raise CannotConvert(f"header: {shown} cannot be written in ASCII")
    return folded(name + b":" + text.encode("ascii"))


def _is_text(name: bytes) -> bool:
    return name in _TEXTS or not (not name or name in _STRUCTURED or name.startswith(_STRUCTURED_FAMILIES))


def _text(text: str) -> str:
    """Everything from the first word that needs it to the last one: white space between encoded-words is not text."""
    stripped = text.rstrip(" \t")
    words = _WORD.findall(stripped)
    needy = [number for number, word in enumerate(words) if not word.isascii()]
    first, last = needy[0], needy[-1] + 1
    encoded = _encoded("".join(words[first:last]))
    return "".join(words[:first]) + encoded + "".join(words[last:]) + text[len(stripped) :]


def _encoded(text: str) -> str:
    """Encoded-words for the text; the white space before it stays, or a space comes."""
    bare = text.lstrip(" \t")
    space = text[: len(text) - len(bare)] or " "
    chunks = [b""]
    for character in bare:  # no character may be cut, RFC 2047 5
        octets = character.encode("utf-8")
        if len(chunks[-1]) + len(octets) > _OCTETS:
            let_others_run()
            chunks.append(b"")
        chunks[-1] += octets
    return space + " ".join(f"=?utf-8?B?{b64encode(chunk).decode('ascii')}?=" for chunk in chunks)


def _addresses(text: str, shown: str) -> str:
    """Display names and group names may be encoded, and nothing else."""
    done: list[str] = []
    run: list[str] = []  # what may be a phrase; `<` or `:` tells that it is one
    for match in _PIECE.finditer(text):
        let_others_run()
        piece = match[0]
        if piece in ('"', "(", ")", "<", ">", "\\"):  # without its other half
            raise CannotConvert(f"header: {shown} is malformed")
        if piece[0] == "<" or piece == ":":
            done += [_phrase(run, shown), piece]
            run = []
        elif piece in (",", ";"):
            done += [*run, piece]
            run = []
        else:
            run.append(piece)
    address = "".join([*done, *run])
    if not address.isascii():
        raise CannotConvert(f"header: {shown} has an address that is not ASCII")
    return address


def _phrase(run: list[str], shown: str) -> str:
    phrase = "".join(run)
    if phrase.isascii():
        return phrase
    if any(piece == "@" or piece[0] == "(" for piece in run):
        raise CannotConvert(f"header: {shown} has more than a name before an address")
    words = [_QUOTED_PAIR.sub(r"\1", piece[1:-1]) if piece[0] == '"' else piece for piece in run]
    bare = "".join(words).rstrip(" \t")
    return _encoded(bare) + " "
