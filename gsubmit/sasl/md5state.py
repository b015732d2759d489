"""HMAC-MD5 that begins with stored states (RFC 2104, RFC 1321), which hashlib cannot: CRAM-MD5 keeps passwords so.

HMAC first hashes one block that is made of the key alone. The state of MD5 after that block is as good as the key for
every later HMAC, and the password is not in it (RFC 2104 4).
"""

from __future__ import annotations

import hashlib
import math
import struct

from gsubmit.sasl.claims import CramKeys

BLOCK = 64  # octets
STATE = 16  # octets: four words, little-endian

_INITIAL = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_INNER_PAD, _OUTER_PAD = 0x36, 0x5C
_WORD = 0xFFFFFFFF
# RFC 1321 3.4: 64 steps in four rounds, each with a constant, a rotation and the word of the block that it takes.
_CONSTANTS = [int(abs(math.sin(step + 1)) * 2**32) for step in range(64)]
_ROTATIONS = [7, 12, 17, 22] * 4 + [5, 9, 14, 20] * 4 + [4, 11, 16, 23] * 4 + [6, 10, 15, 21] * 4
_TAKEN = [
    *range(16),
    *((5 * step + 1) % 16 for step in range(16)),
    *((3 * step + 5) % 16 for step in range(16)),
    *(7 * step % 16 for step in range(16)),
]
_STEPS = list(zip(_CONSTANTS, _ROTATIONS, _TAKEN, strict=True))

_State = tuple[int, int, int, int]


def states_of(key: bytes) -> CramKeys:
    """The states after the two padded keys."""
    if len(key) > BLOCK:
        key = hashlib.md5(key, usedforsecurity=False).digest()
    key = key.ljust(BLOCK, b"\0")
    outer, inner = (
        struct.pack("<4I", *_compressed(_INITIAL, bytes(octet ^ pad for octet in key)))
        for pad in (_OUTER_PAD, _INNER_PAD)
    )
    return CramKeys(outer=outer, inner=inner)


def digest(keys: CramKeys, message: bytes) -> bytes:
    """HMAC-MD5 of the message with the key that the states come from: 16 octets."""
    return _finished(keys.outer, _finished(keys.inner, message))


def _finished(state: bytes, message: bytes) -> bytes:
    """MD5 of one block, after which it was in this state, and the message."""
    a, b, c, d = struct.unpack("<4I", state)
    # RFC 1321 3.1, 3.2: a bit, zeros to the next block, and the length in bits, which the first block is part of.
    zeros = -(len(message) + 1 + 8) % BLOCK
    padded = message + b"\x80" + bytes(zeros) + struct.pack("<Q", (BLOCK + len(message)) * 8)
    words: _State = (a, b, c, d)
    for start in range(0, len(padded), BLOCK):
        words = _compressed(words, padded[start : start + BLOCK])
    return struct.pack("<4I", *words)


def _compressed(state: _State, block: bytes) -> _State:
    """The state after one more block (RFC 1321 3.4)."""
    words = struct.unpack("<16I", block)
    a, b, c, d = state
    for step, (constant, rotation, taken) in enumerate(_STEPS):
        if step < 16:
            mixed = (b & c) | (~b & d)
        elif step < 32:
            mixed = (b & d) | (c & ~d)
        elif step < 48:
            mixed = b ^ c ^ d
        else:
            mixed = c ^ (b | (~d & _WORD))
        total = (a + mixed + words[taken] + constant) & _WORD
        rotated = (total << rotation | total >> (32 - rotation)) & _WORD
        a, b, c, d = d, (b + rotated) & _WORD, b, c
    first, second, third, fourth = state
    return (a + first) & _WORD, (b + second) & _WORD, (c + third) & _WORD, (d + fourth) & _WORD
