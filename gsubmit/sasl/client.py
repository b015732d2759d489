"""The client side of PLAIN, LOGIN and SCRAM (RFC 4616, 5802, 7677): how we log in at another server."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import NamedTuple

from passlib.utils import saslprep

MIN_ITERATIONS = 4096  # RFC 5802 5.1, RFC 7677 4; fewer help a false server to guess the password
MAX_ITERATIONS = 1_000_000  # half a second of CPU time; more is an attack (RFC 5802 9)
KEPT_PASSWORDS = 64  # salted passwords that are remembered, RFC 5802 5.1
NONCE_OCTETS = 24
# Replies to AUTH that are about the mechanism and not about who logs in: not known, not understood (RFC 5321 4.2.2, RFC
# 4954 4). 534 and 538 would only lead to a weaker one.
MECHANISM_REFUSED = frozenset({500, 501, 502, 504})

_GS2_FLAG = "n"  # no channel binding on our side (RFC 5802 6)
_NOT_TEXT = re.compile(r"[\0\ud800-\udfff]")  # NUL divides the fields of PLAIN
# `m=`, a mandatory extension, must fail wherever it stands; other attributes after these are ignored (RFC 5802 5.1).
_EXTENSIONS = rb"(?:,[A-Za-ln-z]=[^,\0]+)*"
_SERVER_FIRST = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9+/]+=?=?),i=([1-9][0-9]{0,9})" + _EXTENSIONS)
_SERVER_FINAL = re.compile(rb"v=([A-Za-z0-9+/]+=?=?)" + _EXTENSIONS)
_SERVER_ERROR = re.compile(rb"e=([!-+\--~]{1,100})" + _EXTENSIONS)


class LoginFailed(Exception):
    """The exchange cannot go on. The text is for the log and never holds any part of the credentials."""


class ServerNotProven(LoginFailed):
    """The server did not show that it knows the password: it may be another than it says."""


@dataclass(frozen=True)
class Login:
    """Who we are at the server, as whom we want to act (empty: the same), and the password."""

    authentication_id: str
    authorization_id: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.authentication_id or not self.password:
            raise LoginFailed("empty user name or password")
        if _NOT_TEXT.search(f"{self.authentication_id}{self.authorization_id}{self.password}"):
            raise LoginFailed("NUL or broken UTF-8 in user name or password")


ClientExchange = Generator[bytes, bytes, None]
"""One login: is sent challenges, yields responses (both without base64). `next()` gives the first response, which
never depends on a challenge: it goes with AUTH, or answers the first challenge. Then see answer() and conclude().
"""


def answer(exchange: ClientExchange, challenge: bytes) -> bytes:
    """The response to a challenge. Raises LoginFailed; the caller then cancels the exchange."""
    try:
        return exchange.send(challenge)
    except StopIteration:
        raise LoginFailed("the server asks for more than the mechanism has") from None


def conclude(exchange: ClientExchange) -> None:
    """To be called when the server has said yes. Raises ServerNotProven when it said so too early."""
    try:
        exchange.send(b"")
    except StopIteration:
        return
    except LoginFailed:
        pass  # of course: it was no challenge
    raise ServerNotProven("the server accepted the login before it was complete")


class ClientMechanism(NamedTuple):
    """A mechanism that we can log in with."""

    name: str
    start: Callable[[Login], ClientExchange]
    client_first: bool  # the first response may go with AUTH; else it answers the first challenge
    has_authorization_id: bool = True
    is_cleartext: bool = False  # the password goes as it is, and what the challenges say means nothing


def fitting(offered: Sequence[str], *, has_authorization_id: bool) -> list[ClientMechanism]:
    """The mechanisms that both sides have, the best first."""
    names = {name.upper() for name in offered}
    return [
        mechanism
        for mechanism in _BEST_FIRST
        if mechanism.name in names and (mechanism.has_authorization_id or not has_authorization_id)
    ]


def plain(who: Login) -> ClientExchange:
    """One message (RFC 4616 2)."""
    yield f"{who.authorization_id}\0{who.authentication_id}\0{who.password}".encode()


def login(who: Login) -> ClientExchange:
    """Two prompts, whose words differ between servers and mean nothing (LGN-2 of docs/rules.md)."""
    if who.authorization_id:
        raise LoginFailed("LOGIN has no authorization id")
    yield who.authentication_id.encode()
    yield who.password.encode()


def scram(algorithm: str, who: Login, nonce: str = "") -> ClientExchange:
    """SCRAM without channel binding (RFC 5802 3, 5). `algorithm` is hashlib's name; tests give the nonce."""
    nonce = nonce or secrets.token_urlsafe(NONCE_OCTETS)
    authorization_id = f"a={_saslname(who.authorization_id)}" if who.authorization_id else ""
    gs2_header = f"{_GS2_FLAG},{authorization_id},".encode()
    client_first = f"n={_saslname(who.authentication_id)},r={nonce}".encode()
    password = _prepared(who.password)

    server_first = yield gs2_header + client_first
    both_nonces, salt, iterations = _read_server_first(server_first, nonce.encode())
    salted_password = _salted_password(algorithm, password, salt, iterations)
    client_key = hmac.digest(salted_password, b"Client Key", algorithm)
    server_key = hmac.digest(salted_password, b"Server Key", algorithm)
    client_final = b"c=" + b64encode(gs2_header) + b",r=" + both_nonces
    auth_message = b",".join((client_first, server_first, client_final))
    client_signature = hmac.digest(hashlib.new(algorithm, client_key).digest(), auth_message, algorithm)
    proof = bytes(ours ^ theirs for ours, theirs in zip(client_key, client_signature, strict=True))

    server_final = yield client_final + b",p=" + b64encode(proof)
    _check_server_final(server_final, hmac.digest(server_key, auth_message, algorithm))
    yield b""  # SMTP has no room for the server's last message in its reply (RFC 4954 4)


def _read_server_first(message: bytes, nonce: bytes) -> tuple[bytes, bytes, int]:
    """Both nonces, salt and iteration count; what a server must not send is LoginFailed."""
    matched = _SERVER_FIRST.fullmatch(message)
    if matched is None:
        raise LoginFailed(_error(message) or "malformed first message of the server")
    both_nonces, salt, iterations = matched[1], _octets(matched[2]), int(matched[3])
    if not both_nonces.startswith(nonce) or both_nonces == nonce:
        raise LoginFailed("the server changed our nonce, or added nothing to it")
    if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
        raise LoginFailed(f"the server wants {iterations} iterations, not {MIN_ITERATIONS} to {MAX_ITERATIONS}")
    return both_nonces, salt, iterations


def _check_server_final(message: bytes, signature: bytes) -> None:
    matched = _SERVER_FINAL.fullmatch(message)
    if matched is None:
        if error := _error(message):
            raise LoginFailed(error)
        raise ServerNotProven("the server did not prove that it knows the password")
    if not hmac.compare_digest(_octets(matched[1]), signature):
        raise ServerNotProven("the server's signature is wrong")


def _error(message: bytes) -> str:
    matched = _SERVER_ERROR.fullmatch(message)
    return f"the server says {matched[1].decode('ascii')}" if matched else ""


def _octets(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise LoginFailed("malformed base64 in a message of the server") from None


# Each hash of a password costs milliseconds in which no other client is served.
@lru_cache(maxsize=KEPT_PASSWORDS)
def _salted_password(algorithm: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac(algorithm, password, salt, iterations)


def _saslname(name: str) -> str:
    """RFC 5802 5.1."""
    return _prepared(name).decode().replace("=", "=3D").replace(",", "=2C")


def _prepared(text: str) -> bytes:
    """`text` by SASLprep (RFC 4013) in UTF-8."""
    try:
        prepared: str = saslprep(text)
    except ValueError:
        raise LoginFailed("user name or password has characters that SASLprep forbids") from None
    if not prepared:
        raise LoginFailed("user name or password is empty after SASLprep")
    return prepared.encode()


_BEST_FIRST = (
    ClientMechanism("SCRAM-SHA-256", partial(scram, "sha256"), client_first=True),
    ClientMechanism("SCRAM-SHA-1", partial(scram, "sha1"), client_first=True),
    ClientMechanism("PLAIN", plain, client_first=True, is_cleartext=True),
    ClientMechanism("LOGIN", login, client_first=False, has_authorization_id=False, is_cleartext=True),
)
