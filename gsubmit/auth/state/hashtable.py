"""A table of hashes, each with a number, in memory that processes share."""

from __future__ import annotations

import mmap

WAYS = 32  # cells of a bucket
_OCTETS = 8  # of a hash
_NUMBER = 4


def hash_of(text: str) -> int:
    """64 bits, never 0.

    Python keys its hashes of text by a secret that forked processes have in common, so nobody can choose names that
    collide, unless PYTHONHASHSEED is set to a number that others know.
    """
    return hash(text) or 1


class HashTable:
    """Buckets of WAYS cells, made before processes are forked. A cell is written in one piece, and nobody locks it."""

    def __init__(self, buckets: int) -> None:
        self._hashes = mmap.mmap(-1, buckets * WAYS * _OCTETS)
        self.numbers: memoryview[int] = memoryview(mmap.mmap(-1, buckets * WAYS * _NUMBER)).cast("I")

    def find(self, hashed: int, bucket: int) -> int:
        """The cell of that bucket in which it stands; -1 for none."""
        start = bucket * WAYS * _OCTETS
        return self._hashes.find(_octets(hashed), start, start + WAYS * _OCTETS) // _OCTETS

    def lowest(self, bucket: int) -> int:
        """The cell of that bucket that has the lowest number; of cells never used it is 0."""
        numbers = self.numbers[bucket * WAYS : (bucket + 1) * WAYS].tolist()
        return bucket * WAYS + numbers.index(min(numbers))

    def put(self, cell: int, hashed: int, number: int) -> None:
        """Instead of what stands there."""
        start = cell * _OCTETS
        self._hashes[start : start + _OCTETS] = _octets(hashed)
        self.numbers[cell] = number


def _octets(hashed: int) -> bytes:
    return hashed.to_bytes(_OCTETS, "little", signed=True)
