"""JSON objects from other servers, read without the liberties that `json` allows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import NoReturn

JsonObject = Mapping[str, object]


def parse_object(octets: bytes) -> JsonObject:
    """The members of a JSON object (RFC 8259), or ValueError, whose text holds nothing of the input.

    A name that stands twice is refused: two readers could take two different values for the truth.
    """
    try:
        parsed = json.loads(octets.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except _NotStrict as error:
        raise ValueError(str(error)) from None
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(parsed, dict):
        raise ValueError("not a JSON object")
    return parsed


class _NotStrict(Exception):
    """Python would read it, the RFC does not."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NotStrict("a name stands twice in a JSON object")
    return members


def _refuse(_: str) -> NoReturn:
    raise _NotStrict("a number that is none in JSON")


def text_of(value: object) -> str | None:
    """A string, number or truth value as settings write it; None for null, lists and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def words_of(value: object) -> frozenset[str]:
    """The words of a string, or the strings of a list; what is neither has none."""
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list):
        return frozenset(word for word in value if isinstance(word, str))
    return frozenset()


def seconds_of(value: object) -> float | None:
    """A number of seconds. Some servers write it as a string of digits. None if it is no number."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None
