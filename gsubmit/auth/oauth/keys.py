"""Keys that sign JSON Web Tokens, each with the algorithms that it may be used with."""

from __future__ import annotations

import base64
import binascii
import errno
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gsubmit.auth.oauth.strictjson import JsonObject
from gsubmit.auth.passdb import Unavailable

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey

HMAC_OCTETS = {"HS256": 32, "HS384": 48, "HS512": 64}  # RFC 7518 3.2: as long as the hash at least
MIN_RSA_BITS = 2048  # RFC 7518 3.3
MAX_FILE = 65_536  # octets
MAX_NAME = 255  # octets of a file name

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}  # RFC 7518 3.4
ALGORITHMS = frozenset({*HMAC_OCTETS, *_RSA, *_CURVES.values(), "EdDSA"})
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


@dataclass(frozen=True)
class Key:
    """One key. The kind of key decides on the algorithms, never a token (RFC 8725 3.1)."""

    algorithms: frozenset[str]
    material: PublicKey | bytes = field(repr=False)
    id: str = ""  # empty: any


def algorithms_of(key: object) -> frozenset[str]:
    """What a public key may be used with; ValueError if that is nothing."""
    if isinstance(key, RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise ValueError(f"an RSA key of less than {MIN_RSA_BITS} bits (RFC 7518 3.3)")
        return _RSA
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return frozenset({_CURVES[key.curve.name]})
    if isinstance(key, Ed25519PublicKey | Ed448PublicKey):
        return frozenset({"EdDSA"})
    raise ValueError("a kind of key that is not supported")


def public_key(pem: bytes) -> Key:
    """The key of a PEM file, or ValueError."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("not a public key in PEM") from None
    algorithms = algorithms_of(key)
    assert isinstance(key, PublicKey)
    return Key(algorithms, key)


def shared_key(encoded: bytes, algorithm: str) -> Key:
    """The key of an HMAC, which is stored in base64, or ValueError."""
    try:
        secret = base64.b64decode(b"".join(encoded.split()), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if len(secret) < HMAC_OCTETS[algorithm]:
        raise ValueError(f"a secret of less than {HMAC_OCTETS[algorithm]} octets (RFC 7518 3.2)")
    return Key(frozenset({algorithm}), secret)


def key_set(document: JsonObject) -> tuple[Key, ...]:
    """The keys of a JWK Set (RFC 7517 5); those that are of no use here are left out. ValueError if it is none."""
    members = document.get("keys")
    if not isinstance(members, list):
        raise ValueError("not a set of keys (RFC 7517 5)")
    return tuple(key for member in members if isinstance(member, dict) and (key := _from_jwk(member)))


def _from_jwk(member: dict[str, object]) -> Key | None:
    """A public key for signatures, or None. Keys of an HMAC are secrets: one that is published is none."""
    if member.get("use", "sig") != "sig" or member.get("kty") == "oct":
        return None
    try:
        material = jwt.PyJWK.from_dict(member).key
        algorithms = algorithms_of(material)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return None
    named, key_id = member.get("alg"), member.get("kid", "")
    if named is not None:
        algorithms = algorithms & {str(named)}
    if not algorithms or not isinstance(key_id, str) or not isinstance(material, PublicKey):
        return None
    return Key(algorithms, material, key_id)


class KeyFolder:
    """Keys in files `AZP/ALG/KID`, with `default` where a token has no azp or kid: the layout of Dovecot's fs dict."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # By version of the file, and of files that were there, so no client can make it grow.
        self._kept: dict[Path, tuple[tuple[int, int, int], Key]] = {}

    def find(self, azp: str, algorithm: str, key_id: str) -> Key | None:
        """The key, if there is one. Unavailable if its file is of no use."""
        if algorithm not in ALGORITHMS:
            return None
        for authorized_party in _file_names(azp or "default"):
            for name in _file_names(key_id or "default"):
                key = self._read(self.folder / authorized_party / algorithm / name, algorithm)
                if key is not None:
                    return key
        return None

    def _read(self, path: Path, algorithm: str) -> Key | None:
        try:
            status = path.stat()
            version = (status.st_mtime_ns, status.st_size, status.st_ino)
            kept = self._kept.get(path)
            if kept is not None and kept[0] == version:
                return kept[1]
            if not path.is_file() or status.st_size > MAX_FILE:
                raise Unavailable(f"{path}: not a file of a key")
            octets = path.read_bytes()
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise Unavailable(f"cannot read {path}: {error.strerror}") from None
        try:
            key = shared_key(octets, algorithm) if algorithm in HMAC_OCTETS else public_key(octets)
        except ValueError as error:
            raise Unavailable(f"{path}: {error}") from None
        self._kept[path] = version, key
        return key


def _file_names(identifier: str) -> Iterable[str]:
    """What a file may be called for an identifier that a client chose; never a way to another folder.

    Dovecot writes dots, slashes and percent signs as `%2e`, `%2f` and `%25`; before 2.3.14.1 it did not.
    """
    encoded = identifier.replace("%", "%25").replace("/", "%2f").replace(".", "%2e")
    if not encoded.isprintable() or len(encoded.encode("utf-8", "replace")) > MAX_NAME:
        return
    yield encoded
    if encoded != identifier and identifier not in (".", "..") and not {"/", "%"} & set(identifier):
        yield identifier
