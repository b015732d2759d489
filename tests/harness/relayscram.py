"""SCRAM on the fake relay's side (RFC 5802, RFC 7677), by the book and independent of the server's own code."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable

from tests.harness.relayscript import TakesScram

SALT = b"sixteen octets.."
ITERATIONS = 4096
_CLIENT_FIRST = re.compile(r"(n,(?:a=([^,]*))?,)(n=([^,]*),r=([^,]+))")
_CLIENT_FINAL = re.compile(r"(c=([^,]+),r=([^,]+)),p=(.+)")

Say = Callable[[str], str]
"""Sends one reply and returns the line that comes next."""


def converse(line: str, step: TakesScram, say: Say) -> str:
    """The relay's last reply to the AUTH command `line`."""
    _, mechanism, response = line.split(" ")
    algorithm = mechanism.removeprefix("SCRAM-").replace("-", "").lower()
    first = _CLIENT_FIRST.fullmatch(_decoded(response))
    if first is None or (first[4], first[2] or "") != (step.user, step.authorization_id):
        return f"501 5.5.2 Not what I wait for: {_decoded(response)}"
    header, bare, nonce = first[1], first[3], first[5] + "-and-mine"
    server_first = f"r={nonce},s={_encoded(SALT)},i={ITERATIONS}"
    final = _CLIENT_FINAL.fullmatch(_decoded(say(f"334 {_encoded(server_first.encode())}")))
    if final is None or final[2] != _encoded(header.encode()) or final[3] != nonce:
        return "501 5.5.2 Not what belongs here"
    salted = hashlib.pbkdf2_hmac(algorithm, step.password.encode(), SALT, ITERATIONS)
    message = f"{bare},{server_first},{final[1]}".encode()
    client_key = hmac.digest(salted, b"Client Key", algorithm)
    stored_key = hashlib.new(algorithm, client_key).digest()
    mask = hmac.digest(stored_key, message, algorithm)
    if b64decode(final[4]) != bytes(one ^ other for one, other in zip(client_key, mask, strict=True)):
        return "535 5.7.8 Wrong proof"
    if step.flaw == "EARLY":
        return "235 2.7.0 Welcome"
    server_key = hmac.digest(salted, b"Server Key", algorithm)
    signature = hmac.digest(server_key, message + b"?" if step.flaw else message, algorithm)
    answer = say(f"334 {_encoded(b'v=' + _encoded(signature).encode())}")
    return "501 5.7.0 Cancelled" if answer == "*" else "235 2.7.0 Welcome" if not answer else "501 5.5.2 Why that?"


def _decoded(text: str) -> str:
    return b64decode(text).decode()


def _encoded(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
