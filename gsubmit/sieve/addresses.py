"""Addresses in header fields and envelopes, as scripts compare them (RFC 5228 2.7.4, RFC 5233)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r'(?P<space>[ \t\r\n]++)|(?P<atom>[^ \t\r\n()<>\[\]:;@\\,."]++)|(?P<quoted>"(?:[^"\\]++|\\.)*+")'
    r"|(?P<literal>\[[^\[\]\\]*+\])|(?P<special>.)",
    re.DOTALL,
)
_WITHOUT_QUOTES = re.compile(_TOKEN.pattern.replace("(?P<quoted>", "(?P<quoted>(?!)"), re.DOTALL)
_IN_COMMENT = re.compile(r"[()]|\\.|[^()\\]++", re.DOTALL)
_SHORT = 500  # characters
_LONGEST = 1000  # characters of an address with a name; RFC 5321 4.5.3.1 takes some 320 without one
_MAX_ITEM = 4096  # tokens of one address; what comes behind them is not looked at
_STRIDE = 64  # tokens after which work is told of
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_ONE = re.compile(r"\.*+(?:@\.*+|<\.*+@\.*+>)")  # signs that one address has: no comma, no route and no group
_DOT_ATOM = re.compile(r"[^ \t\r\n()<>\[\]:;@\\,.\"]+(?:\.[^ \t\r\n()<>\[\]:;@\\,.\"]+)*")


class Address(NamedTuple):
    """`local` without quotes. What is no address has neither part, and `whole` is as it is written.

    Of a path that is a mailbox here, such as <postmaster>, there is no domain (RFC 5321 2.3.5).
    """

    local: str
    domain: str
    whole: str

    def part(self, name: str, delimiters: str) -> str | None:
        """All, localpart, domain, user or detail; None if there is no such part. Of the null address all are empty.

        The first of the `delimiters` that is in it divides user and detail (RFC 5233 4).
        """
        if name == "all":
            return self.whole
        if not self.local:
            return None
        if name == "domain":
            return self.domain or None
        if name == "localpart":
            return self.local
        end = next((at for at, character in enumerate(self.local) if character in delimiters), len(self.local))
        if name == "user":
            return self.local[:end]
        return self.local[end + 1 :] if end < len(self.local) else None


class _Token(NamedTuple):
    kind: str
    text: str


def _no_work(units: int) -> None:
    pass


def addresses(value: str, work: Callable[[int], None] = _no_work) -> tuple[Address, ...]:
    """Those of a field, the members of groups too; of what is none, the text between commas.

    `work` is told of the work that a long one makes, while it is done.
    """
    return _of_short(value) if len(value) <= _SHORT else _read(value, work)


def _read(value: str, work: Callable[[int], None]) -> tuple[Address, ...]:
    return tuple(address for tokens in _items(value, work) if (address := _address(tokens)) is not None)


@lru_cache(maxsize=64)  # several tests look at the same field
def _of_short(value: str) -> tuple[Address, ...]:
    return _read(value, _no_work)


def one_address(text: str) -> Address | None:
    """The address that a text is, with or without a name (RFC 5228 2.4.2.3); None if it is none, or more than that."""
    if len(text) > _LONGEST:
        return None
    tokens = list(_tokens(text, _no_work))
    signs = "".join(token.text for token in tokens if token.kind == "special")
    words = [token.text for token in tokens if token.kind != "space"]
    if not _ONE.fullmatch(signs) or ("<" in signs and words[-1] != ">"):
        return None
    found = _address(tokens)
    return found if found is not None and found.domain else None


def path_address(path: str) -> Address:
    """Of a path of the envelope, without brackets; empty is the null one."""
    local, at, domain = path.rpartition("@")
    if not at:
        local, domain = domain, ""
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = _QUOTED_PAIR.sub(r"\1", local[1:-1])
    return Address(local, domain, path)


def _tokens(value: str, work: Callable[[int], None]) -> Iterator[_Token]:
    """Comments are white space; one without an end goes to the end. A quote without an end is a sign like others."""
    at = count = 0
    tokens = _TOKEN
    while at < len(value):
        count += 1
        if count % _STRIDE == 0:
            work(_STRIDE)
        if value[at] == "(":
            at = _end_of_comment(value, at, work)
            yield _Token("space", " ")
            continue
        found = tokens.match(value, at)
        assert found is not None
        assert found.lastgroup is not None
        yield _Token(found.lastgroup, found[0])
        at = found.end()
        if found[0] == '"':  # nor has any quote after this one an end, and each would be looked for to the end
            tokens = _WITHOUT_QUOTES


def _end_of_comment(value: str, at: int, work: Callable[[int], None]) -> int:
    depth = count = 0
    while (piece := _IN_COMMENT.match(value, at)) is not None:
        count += 1
        if count % _STRIDE == 0:
            work(_STRIDE)
        at = piece.end()
        depth += {"(": 1, ")": -1}.get(piece[0], 0)
        if not depth:
            break
    else:
        return len(value)
    return at


def _items(value: str, work: Callable[[int], None]) -> Iterator[list[_Token]]:
    """What stands between commas outside of brackets, without the names of groups."""
    item: list[_Token] = []
    in_angle = has_at = False
    for token in _tokens(value, work):
        sign = token.text if token.kind == "special" else ""
        if sign == "<":
            in_angle = True
        elif sign == ">":
            in_angle = False
        elif not in_angle and sign in (",", ";"):
            yield item
            item, has_at = [], False
            continue
        elif not in_angle and sign == ":" and not has_at:
            item = []
            continue
        has_at = has_at or sign == "@"
        if len(item) < _MAX_ITEM:
            item.append(token)
    yield item


def _address(tokens: list[_Token]) -> Address | None:
    whole = "".join(token.text for token in tokens).strip()
    signs = [token.text if token.kind == "special" else "" for token in tokens]
    if "<" in signs:
        begin = signs.index("<") + 1
        end = signs.index(">", begin) if ">" in signs[begin:] else len(signs)
        if end == begin:
            return Address("", "", "")  # <>, which is an address of its own
        tokens, signs = tokens[begin:end], signs[begin:end]
        if ":" in signs:  # a route, RFC 5322 4.4
            colon = signs.index(":") + 1
            tokens, signs = tokens[colon:], signs[colon:]
    if not whole:
        return None
    if signs.count("@") != 1:
        return Address("", "", whole)
    local = _joined(tokens[: signs.index("@")])
    domain = _joined(tokens[signs.index("@") + 1 :])
    if not local or not domain:
        return Address("", "", whole)
    quoted = local if _DOT_ATOM.fullmatch(local) else '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
    return Address(local, domain, f"{quoted}@{domain}")


def _joined(tokens: list[_Token]) -> str:
    """Words with dots between them, or empty if they are something else."""
    pieces: list[str] = []
    is_after_word = False
    for kind, text in tokens:
        if kind == "space":
            continue
        is_word = kind != "special"
        if (is_word and is_after_word) or (not is_word and text != "."):
            return ""
        pieces.append(_QUOTED_PAIR.sub(r"\1", text[1:-1]) if kind == "quoted" else text)
        is_after_word = is_word
    return "".join(pieces)
