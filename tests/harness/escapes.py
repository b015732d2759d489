r"""How transcripts write octets: text in UTF-8 with `\r \n \t \0 \xHH \\ \*` and `\{N*text}`, which is text N times."""

from __future__ import annotations

import re

_SIMPLE = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\", "*": b"*"}
_PIECE = re.compile(
    r"\\x(?P<hex>[0-9A-Fa-f]{2})|\\\{(?P<times>\d+)\*(?P<repeated>[^}]*)\}|\\(?P<simple>[rnt0\\*])|(?P<text>[^\\*]+)|(?P<star>\*)"
)


def _pieces(text: str) -> list[bytes | None]:
    """The octets between the wildcards; None is a wildcard."""
    pieces: list[bytes | None] = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            raise ValueError(f"unknown escape in {text!r} at {at}")
        at = found.end()
        if found["hex"]:
            pieces.append(bytes.fromhex(found["hex"]))
        elif found["times"]:
            pieces.append(octets(found["repeated"]) * int(found["times"]))
        elif found["simple"]:
            pieces.append(_SIMPLE[found["simple"]])
        else:
            pieces.append(None if found["star"] else found["text"].encode())
    return pieces


def octets(text: str) -> bytes:
    """The octets that `text` stands for; `*` is an ordinary character here."""
    return b"".join(b"*" if piece is None else piece for piece in _pieces(text))


def line(text: str) -> bytes:
    """The octets of one line: CRLF is added, unless the text ends in a single backslash."""
    bare = text[:-1] if _is_open(text) else text
    return octets(bare) + (b"" if _is_open(text) else b"\r\n")


def _is_open(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def pattern(text: str) -> re.Pattern[bytes]:
    """What matches a line that `text` describes, `*` standing for anything."""
    return re.compile(b"".join(b".*" if piece is None else re.escape(piece) for piece in _pieces(text)), re.DOTALL)


def shown(data: bytes) -> str:
    """Octets as a transcript would write them, so that a failure can be read and copied."""
    named = {13: "\\r", 10: "\\n", 9: "\\t", 0: "\\0", 92: "\\\\"}
    return "".join(named.get(octet) or (chr(octet) if 32 <= octet < 127 else f"\\x{octet:02x}") for octet in data)
