"""JSON Web Tokens (RFC 7519, RFC 9068), verified with keys that are at hand."""

from __future__ import annotations

import base64
import binascii

import jwt

from gsubmit.auth.oauth.jwks import PublishedKeys
from gsubmit.auth.oauth.keys import ALGORITHMS, HMAC_OCTETS, Key, KeyFolder
from gsubmit.auth.oauth.strictjson import JsonObject, parse_object
from gsubmit.sasl.claims import Denied

MAX_CANDIDATES = 10  # keys tried on one token that does not say which one

# RFC 8725 3.11: other tokens of the same issuer, such as logout tokens, name a type of their own.
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})

_JWS = jwt.PyJWS(algorithms=sorted(ALGORITHMS))  # it costs more to make than to use


class WebTokens:
    """Reads tokens that are signed with a key of the folder, or with a published one."""

    def __init__(self, folder: KeyFolder | None, published: PublishedKeys | None) -> None:
        self._folder = folder
        self._published = published

    def claims(self, token: str) -> JsonObject:
        """The claims of a token whose signature is right; nothing else is checked. Denied or Unavailable."""
        parts = token.split(".")
        if len(parts) != 3:
            raise Denied("not a signed JSON Web Token")
        header, unverified = _part(parts[0]), _part(parts[1])
        algorithm, key_id, azp = header.get("alg"), header.get("kid", ""), unverified.get("azp", "")
        if not (isinstance(algorithm, str) and isinstance(key_id, str) and isinstance(azp, str)):
            raise Denied("alg, kid or azp of the token is no string")
        if algorithm not in ALGORITHMS:
            raise Denied("algorithm of the token not supported")
        if "crit" in header:
            raise Denied("token with a critical extension that is not supported")  # RFC 7515 4.1.11
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise Denied("not an access token by its typ")
        keys = self._keys(algorithm, key_id, azp)
        if not keys:
            raise Denied("token signed with an unknown key")
        for key in keys[:MAX_CANDIDATES]:
            if _is_signed(token, key, algorithm):
                return unverified
        raise Denied("signature of the token is wrong")

    def _keys(self, algorithm: str, key_id: str, azp: str) -> tuple[Key, ...]:
        if self._folder is not None:
            key = self._folder.find(azp, algorithm, key_id)
            if key is not None:
                return (key,)
        if self._published is None or algorithm in HMAC_OCTETS:
            return ()
        return self._published.find(algorithm, key_id)


def _part(encoded: str) -> JsonObject:
    try:
        octets = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        return parse_object(octets)
    except (binascii.Error, ValueError):
        raise Denied("malformed JSON Web Token") from None


def _is_signed(token: str, key: Key, algorithm: str) -> bool:
    # The key says which algorithms are right for it. Were it the token, a public key could sign (RFC 8725 2.1).
    if algorithm not in key.algorithms:
        return False
    try:
        _JWS.decode_complete(token, key.material, algorithms=[algorithm])
    except jwt.PyJWTError:
        return False
    return True
