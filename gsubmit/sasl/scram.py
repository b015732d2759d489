"""The server side of SCRAM (RFC 5802, RFC 7677), with and without channel binding."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64encode
from functools import partial
from typing import NamedTuple

from gsubmit.sasl import base64
from gsubmit.sasl.claims import Authority, Denied, Keys, KeysWanted, MalformedResponse, ScramKeys, name_from
from gsubmit.sasl.mechanism import Channel, Exchange, Mechanism
from gsubmit.sasl.saslname import SASLNAME, unescaped

NONCE_OCTETS = 24

_ALGORITHMS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}  # hashlib's names
_PRINTABLE = rb"[!-+\--~]+"  # without comma
_BASE64 = rb"[A-Za-z0-9+/]+=*"
# Extensions are ignored, but `m=`, a mandatory one, must fail wherever it stands, and attributes that mean something
# have one place only (RFC 5802 5.1).
_EXTENSIONS = rb"(?:,[A-Zbdfghjkloqtuwxyz]=[^,\0]+)*"
_CLIENT_FIRST = re.compile(
    rb"((?:p=([A-Za-z0-9.-]+)|([ny])),(?:a=(%b))?,)(n=(%b),r=(%b)%b)" % (SASLNAME, SASLNAME, _PRINTABLE, _EXTENSIONS)
)
_CLIENT_FINAL = re.compile(rb"(c=(%b),r=(%b)%b),p=(%b)" % (_BASE64, _PRINTABLE, _EXTENSIONS, _BASE64))


def scram(scheme: str, binds: bool, authority: Authority, channel: Channel, nonce: str = "") -> Exchange:
    """Two messages of each side (RFC 5802 3, 5). Tests give our part of the nonce."""
    algorithm = _ALGORITHMS[scheme]
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
        client_key = bytes(ours ^ theirs for ours, theirs in zip(client_signature, final.proof, strict=True))
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
    proof = base64.decode(encoded_proof.decode("ascii"))
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


def _mechanism(scheme: str) -> Mechanism:
    return Mechanism(scheme, partial(scram, scheme, False))


def _plus_mechanism(scheme: str) -> Mechanism:
    start = partial(scram, scheme, True)
    return Mechanism(f"{scheme}-PLUS", start, binds=True, is_possible=lambda channel: bool(channel.bindings))


SCRAM_SHA_1 = _mechanism("SCRAM-SHA-1")
SCRAM_SHA_1_PLUS = _plus_mechanism("SCRAM-SHA-1")
SCRAM_SHA_256 = _mechanism("SCRAM-SHA-256")
SCRAM_SHA_256_PLUS = _plus_mechanism("SCRAM-SHA-256")
