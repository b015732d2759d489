"""SCRAM (RFC 5802, RFC 7677): the server's side with and without channel binding, the client's without."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64encode
from functools import lru_cache, partial
from typing import NamedTuple

from gsubmit.sasl import base64
from gsubmit.sasl.claims import Authority, Denied, Keys, KeysWanted, MalformedResponse, ScramKeys, name_from
from gsubmit.sasl.client import ClientExchange, ClientMechanism, Login, LoginFailed, ServerNotProven
from gsubmit.sasl.mechanism import Channel, Exchange, Mechanism
from gsubmit.sasl.saslname import SASLNAME, escaped, unescaped
from gsubmit.sasl.saslprep import prepared

ALGORITHMS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}  # hashlib's names
MIN_ITERATIONS = 4096  # RFC 5802 5.1, RFC 7677 4; fewer help a false server to guess the password
MAX_ITERATIONS = 1_000_000  # half a second of CPU time; more is an attack (RFC 5802 9)
KEPT_PASSWORDS = 64  # salted passwords that the client's side remembers, RFC 5802 5.1
NONCE_OCTETS = 24

_PRINTABLE = rb"[!-+\--~]+"  # without comma
_BASE64 = rb"[A-Za-z0-9+/]+=*"
# Extensions are ignored, but `m=`, a mandatory one, must fail wherever it stands, and attributes that mean something
# have one place only (RFC 5802 5.1).
_EXTENSIONS = rb"(?:,[A-Zbdfghjkloqtuwxyz]=[^,\0]+)*"
_CLIENT_FIRST = re.compile(
    rb"((?:p=([A-Za-z0-9.-]+)|([ny])),(?:a=(%b))?,)(n=(%b),r=(%b)%b)" % (SASLNAME, SASLNAME, _PRINTABLE, _EXTENSIONS)
)
_CLIENT_FINAL = re.compile(rb"(c=(%b),r=(%b)%b),p=(%b)" % (_BASE64, _PRINTABLE, _EXTENSIONS, _BASE64))

_GS2_FLAG = "n"  # no channel binding on our side (RFC 5802 6)
# Here every attribute that means nothing is ignored, wherever it stands; `m=` fails.
_SERVER_EXTENSIONS = rb"(?:,[A-Za-ln-z]=[^,\0]+)*"
_SERVER_FIRST = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9+/]+=?=?),i=([1-9][0-9]{0,9})" + _SERVER_EXTENSIONS)
_SERVER_FINAL = re.compile(rb"v=([A-Za-z0-9+/]+=?=?)" + _SERVER_EXTENSIONS)
_SERVER_ERROR = re.compile(rb"e=([!-+\--~]{1,100})" + _SERVER_EXTENSIONS)


def scram(scheme: str, binds: bool, authority: Authority, channel: Channel, nonce: str = "") -> Exchange:
    """Two messages of each side (RFC 5802 3, 5). Tests give our part of the nonce."""
    algorithm = ALGORITHMS[scheme]
    first = _read_client_first((yield b""))
    channel_data = _channel_data(first, scheme, binds, channel)
    account = authority.account(KeysWanted(first.user, scheme=scheme, authorization_id=first.authorization_id))
    both_nonces = first.nonce + (nonce or secrets.token_urlsafe(NONCE_OCTETS)).encode("ascii")
    server_first = b"r=%b,s=%b,i=%d" % (both_nonces, b64encode(account.keys.salt), account.keys.iterations)

    final = _read_client_final((yield server_first), hashlib.new(algorithm).digest_size)
    if final.channel_binding != b64encode(first.gs2_header + channel_data):
        raise Denied("channel bindings do not match")
    if final.both_nonces != both_nonces:
        raise Denied("nonces do not match")
    auth_message = b",".join((first.bare, server_first, final.without_proof))

    def is_proven(keys: Keys) -> bool:
        assert isinstance(keys, ScramKeys)
        client_signature = hmac.digest(keys.stored_key, auth_message, algorithm)
        client_key = _xor(client_signature, final.proof)
        return hmac.compare_digest(hashlib.new(algorithm, client_key).digest(), keys.stored_key)

    admission, keys = authority.settle(account, is_proven)
    assert isinstance(keys, ScramKeys)
    # SMTP has no room for our last message in its reply (RFC 4954 4), so it is a challenge.
    response = yield b"v=" + b64encode(hmac.digest(keys.server_key, auth_message, algorithm))
    if response:
        raise MalformedResponse("an answer to the last message of SCRAM")
    return admission()


class _ClientFirst(NamedTuple):
    gs2_header: bytes
    bare: bytes
    flag: str  # n, y or p (RFC 5802 6)
    binding_type: str  # only with p
    authorization_id: str
    user: str
    nonce: bytes


class _ClientFinal(NamedTuple):
    without_proof: bytes
    channel_binding: bytes  # in base64
    both_nonces: bytes
    proof: bytes


def _read_client_first(message: bytes) -> _ClientFirst:
    matched = _CLIENT_FIRST.fullmatch(_checked_utf8(message))
    if matched is None:
        raise MalformedResponse("malformed first message of SCRAM")
    gs2_header, binding_type, flag, authorization_id, bare, user, nonce = matched.groups(default=b"")
    return _ClientFirst(
        gs2_header,
        bare,
        flag.decode("ascii") or "p",
        binding_type.decode("ascii"),
        name_from(unescaped(authorization_id)),
        name_from(unescaped(user)),
        nonce,
    )


def _read_client_final(message: bytes, proof_octets: int) -> _ClientFinal:
    matched = _CLIENT_FINAL.fullmatch(_checked_utf8(message))
    if matched is None:
        raise MalformedResponse("malformed last message of SCRAM")
    without_proof, channel_binding, both_nonces, encoded_proof = matched.groups()
    try:
        proof = base64.decode(encoded_proof)
    except ValueError:
        raise MalformedResponse("invalid base64") from None
    if len(proof) != proof_octets:
        raise MalformedResponse("SCRAM proof of a wrong length")
    return _ClientFinal(without_proof, channel_binding, both_nonces, proof)


def _checked_utf8(message: bytes) -> bytes:
    try:
        message.decode("utf-8")
    except UnicodeDecodeError:
        # The cause would hold the octets.
        raise MalformedResponse("not UTF-8") from None
    return message


def _channel_data(first: _ClientFirst, scheme: str, binds: bool, channel: Channel) -> bytes:
    """What the client must have seen of the channel; empty without binding (RFC 5802 6)."""
    if binds != (first.flag == "p"):
        raise Denied("channel binding and mechanism do not fit each other")
    if first.flag == "y" and f"{scheme}-PLUS" in channel.offered:
        raise Denied("the client was kept from seeing that channel binding is offered")
    if not binds:
        return b""
    if first.binding_type not in channel.bindings:
        raise Denied("the channel binding that the client names is not to be had here")
    return channel.bindings[first.binding_type]()


def scram_client(algorithm: str, who: Login, nonce: str = "") -> ClientExchange:
    """The same from the other side, without channel binding. `algorithm` is hashlib's name; tests give the nonce."""
    nonce = nonce or secrets.token_urlsafe(NONCE_OCTETS)
    authorization_id = f"a={_escaped(who.authorization_id)}" if who.authorization_id else ""
    gs2_header = f"{_GS2_FLAG},{authorization_id},".encode()
    client_first = f"n={_escaped(who.authentication_id)},r={nonce}".encode()
    password = _prepared(who.password)

    server_first = yield gs2_header + client_first
    both_nonces, salt, iterations = _read_server_first(server_first, nonce.encode())
    salted_password = _salted_password(algorithm, password, salt, iterations)
    client_key = hmac.digest(salted_password, b"Client Key", algorithm)
    server_key = hmac.digest(salted_password, b"Server Key", algorithm)
    client_final = b"c=" + b64encode(gs2_header) + b",r=" + both_nonces
    auth_message = b",".join((client_first, server_first, client_final))
    client_signature = hmac.digest(hashlib.new(algorithm, client_key).digest(), auth_message, algorithm)
    proof = _xor(client_key, client_signature)

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
        return base64.decode(text)
    except ValueError:
        raise LoginFailed("malformed base64 in a message of the server") from None


# Each hash of a password costs milliseconds in which no other client is served.
@lru_cache(maxsize=KEPT_PASSWORDS)
def _salted_password(algorithm: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac(algorithm, password, salt, iterations)


def _escaped(name: str) -> str:
    return escaped(_prepared(name).decode())


def _prepared(text: str) -> bytes:
    try:
        return prepared(text)
    except ValueError as fault:
        raise LoginFailed(f"user name or password {fault}") from None


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _mechanism(scheme: str) -> Mechanism:
    return Mechanism(scheme, partial(scram, scheme, False), KeysWanted)


def _plus_mechanism(scheme: str) -> Mechanism:
    start, name = partial(scram, scheme, True), f"{scheme}-PLUS"
    return Mechanism(name, start, KeysWanted, binds=True, is_possible=lambda channel: bool(channel.bindings))


def _client_mechanism(scheme: str) -> ClientMechanism:
    return ClientMechanism(scheme, partial(scram_client, ALGORITHMS[scheme]), client_first=True)


SCRAM_SHA_1 = _mechanism("SCRAM-SHA-1")
SCRAM_SHA_1_PLUS = _plus_mechanism("SCRAM-SHA-1")
SCRAM_SHA_256 = _mechanism("SCRAM-SHA-256")
SCRAM_SHA_256_PLUS = _plus_mechanism("SCRAM-SHA-256")
SCRAM_SHA_1_CLIENT = _client_mechanism("SCRAM-SHA-1")
SCRAM_SHA_256_CLIENT = _client_mechanism("SCRAM-SHA-256")
