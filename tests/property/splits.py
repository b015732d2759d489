"""Octets cut into blocks at places that hypothesis chooses."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st


def cuts() -> st.SearchStrategy[list[float]]:
    """Places as shares of the length, so that they fit any octets."""
    return st.lists(st.floats(0, 1), max_size=8)


def cut(octets: bytes, places: list[float]) -> list[bytes]:
    """The octets in blocks; empty ones are left out."""
    ends = sorted({0, len(octets), *(round(place * len(octets)) for place in places)})
    return [octets[start:end] for start, end in pairwise(ends)]
