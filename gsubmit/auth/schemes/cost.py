"""What the comparison of a stored password costs, by the parameters that stand in it.

Whoever can write a stored password, such as a panel or an import, chooses them. Times are those of one core of 2022;
each is linear in what it is given for, so no measurement is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

MIB = 1 << 20

# Seconds for one round or iteration.
SHA_CRYPT_ROUND = 0.6e-6  # of SHA512-CRYPT; SHA256-CRYPT is like it
BCRYPT_ROUND = 60e-6  # there are two to the power of the cost
PBKDF2_ITERATION = 0.8e-6  # with SHA-1; SHA-256 is no slower
SHA1_CRYPT_ROUND = 1.3e-6
SUN_MD5_ROUND = 1.8e-6
EXTENDED_DES_ROUND = 0.26e-6
SCRYPT_BLOCK = 0.42e-6  # of 128 octets, written and read once; yescrypt is like it
ARGON2_KIB = 1.3e-6  # filled once

SUN_MD5_LEAST_ROUNDS = 4096  # what stands in the hash comes on top
SHA_CRYPT_DEFAULT_ROUNDS = 5000
ARGON2_MAX_LANES = 64  # each is a thread of its own
_LONGEST_NUMBER = 18  # digits; what is longer is without end

_BCRYPT = re.compile(rb"\$2[a-z]?\$([0-9]+)")
# Where rounds are written as they are: form, seconds for one, how many there are on top, and how many without a number.
_BY_ROUNDS = (
    (re.compile(rb"\$[56]\$(?:rounds=([0-9]+)\$)?"), SHA_CRYPT_ROUND, 0, b"%d" % SHA_CRYPT_DEFAULT_ROUNDS),
    (re.compile(rb"\$md5[,$](?:rounds=([0-9]+))?"), SUN_MD5_ROUND, SUN_MD5_LEAST_ROUNDS, b"0"),
    (re.compile(rb"\$sha1\$([0-9]+)"), SHA1_CRYPT_ROUND, 0, b""),
)
_EXTENDED_DES = re.compile(rb"_([./0-9A-Za-z]{4})")
_SCRYPT = re.compile(rb"\$7\$([./0-9A-Za-z])([./0-9A-Za-z]{5})([./0-9A-Za-z]{5})")
_YESCRYPT = re.compile(rb"\$g?y\$([./0-9A-Za-z]+)\$")
_ARGON2_NUMBER = re.compile(rb"[$,]([mtp])=([0-9]+)")
_ALPHABET = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = {octet: value for value, octet in enumerate(_ALPHABET)}


class Cost(NamedTuple):
    """Seconds and octets of memory; infinite where a number is absurd."""

    seconds: float = 0.0
    octets: float = 0.0


class Limits(NamedTuple):
    """What one comparison may cost; 0 is no limit."""

    seconds: float = 2.0
    octets: float = 256 * MIB

    def excess(self, cost: Cost) -> str:
        """Why this cost is too high; empty if it is not."""
        if self.seconds and cost.seconds > self.seconds:
            return "hash takes too long to compute, see auth_max_hash_time"
        if self.octets and cost.octets > self.octets:
            return "hash takes too much memory, see auth_max_hash_memory"
        return ""


DEFAULT_LIMITS = Limits()


def nothing(content: bytes) -> Cost:
    """Of schemes that take microseconds."""
    return Cost()


def of_iterations(iterations: bytes) -> Cost:
    """Of PBKDF2, for a decimal number of iterations."""
    return Cost(_number(iterations) * PBKDF2_ITERATION)


def of_crypt(content: bytes) -> Cost:
    """Of the hashes of crypt(3) and of argon2. What none of them can read costs nothing."""
    if content.startswith(b"$argon2"):
        return _of_argon2(dict(_ARGON2_NUMBER.findall(content)))
    if matched := _YESCRYPT.match(content):
        return _of_yescrypt(matched[1])
    if matched := _SCRYPT.match(content):
        blocks = 2.0 ** _DIGITS[matched[1][0]] * _fixed(matched[2])
        return Cost(blocks * _fixed(matched[3]) * SCRYPT_BLOCK, blocks * 128)
    if matched := _BCRYPT.match(content):
        return Cost(_power(_number(matched[1])) * BCRYPT_ROUND)
    for form, seconds, on_top, default in _BY_ROUNDS:
        if matched := form.match(content):
            return Cost((_number(matched[1] or default) + on_top) * seconds)
    if matched := _EXTENDED_DES.match(content):
        return Cost(_fixed(matched[1]) * EXTENDED_DES_ROUND)
    return Cost()


def _of_argon2(numbers: Mapping[bytes, bytes]) -> Cost:
    kib, passes, lanes = (_number(numbers.get(name, b"1")) for name in (b"m", b"t", b"p"))
    if lanes > ARGON2_MAX_LANES:
        return Cost(float("inf"))
    return Cost(kib * passes * ARGON2_KIB, kib * 1024)


def _of_yescrypt(parameters: bytes) -> Cost:
    """By flavor, log2 of N, r, and optionally which of p, t and g follow; see yescrypt's encoding of numbers."""
    try:
        _, at = _varying(parameters, 0, 0)
        power, at = _varying(parameters, at, 1)
        r, at = _varying(parameters, at, 1)
        p = t = 1
        if at < len(parameters):
            have, at = _varying(parameters, at, 1)
            if have & 1:
                p, at = _varying(parameters, at, 2)
            if have & 2:
                t, at = _varying(parameters, at, 1)
                t += 1
    except IndexError:  # cut off, and so refused at once
        return Cost()
    blocks = _power(power) * r
    return Cost(blocks * p * t * SCRYPT_BLOCK, blocks * 128 + 128.0 * r * p)


def _varying(text: bytes, at: int, least: int) -> tuple[int, int]:
    """A number of one to six characters, the first of which says how many, and where the next one begins."""
    first = _DIGITS[text[at]]
    start, end, length, value = 0, 47, 1, least
    while first > end:
        value += (end + 1 - start) << (6 * (length - 1))
        start, end = end + 1, end + 1 + (62 - end) // 2
        length += 1
    value += (first - start) << (6 * (length - 1))
    for place in range(1, length):
        value += _DIGITS[text[at + place]] << (6 * (length - 1 - place))
    return value, at + length


def _fixed(text: bytes) -> float:
    """A number of six bits for each character, the lowest first."""
    return float(sum(_DIGITS[octet] << (6 * place) for place, octet in enumerate(text)))


def _number(digits: bytes) -> float:
    return float(digits) if len(digits) <= _LONGEST_NUMBER else float("inf")


def _power(exponent: float) -> float:
    return 2.0**exponent if exponent <= 64 else float("inf")
