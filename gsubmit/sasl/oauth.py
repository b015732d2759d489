"""OAUTHBEARER (RFC 7628) and XOAUTH2, its forerunner without an RFC: bearer tokens of OAuth 2.0 (RFC 6750)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from gsubmit.sasl.claims import Authority, Barred, Denied, MalformedResponse, Token, TokenRefused, name_from
from gsubmit.sasl.client import ClientExchange, ClientMechanism, Login
from gsubmit.sasl.mechanism import Channel, Exchange, Mechanism
from gsubmit.sasl.saslname import SASLNAME, escaped, unescaped

MAX_TOKEN = 16_384  # octets; signed tokens with many claims have a few thousand
TOKEN = rb"[A-Za-z0-9._~+/-]+=*"  # a regular expression, RFC 6750 2.1

# No binding to the channel is defined for tokens, so the flag `p` fails. `y` and `n` say that there is none.
_OAUTHBEARER = re.compile(rb"[ny],(?:a=(%b))?,\x01((?:[A-Za-z]+=[\t\n\r -~]*\x01)*)\x01" % SASLNAME)
_XOAUTH2 = re.compile(rb"user=([^\x01]+)\x01auth=([\t\n\r -~]*)\x01\x01")
_BEARER = re.compile(b"bearer +(%b)" % TOKEN, re.IGNORECASE)
_HTTP_STATUS = {"invalid_request": "400", "invalid_token": "401", "insufficient_scope": "403"}  # RFC 6750 3.1

_Explain = Callable[[TokenRefused], dict[str, str]]


def oauthbearer(authority: Authority, _: Channel) -> Exchange:
    """One message: a gs2-header, then key and value pairs, of which only `auth` counts here (RFC 7628 3.1)."""
    matched = _OAUTHBEARER.fullmatch((yield b""))
    if matched is None:
        raise MalformedResponse("not a gs2-header and key/value pairs")
    pairs = [pair.split(b"=", 1) for pair in matched[2].split(b"\x01")[:-1]]
    credentials = [value for key, value in pairs if key == b"auth"]
    if len(credentials) != 1:
        raise MalformedResponse("not one auth key")
    return (yield from _login(authority, unescaped(matched[1] or b""), credentials[0], _openid_error))


def xoauth2(authority: Authority, _: Channel) -> Exchange:
    """One message: a user and a token, no more."""
    matched = _XOAUTH2.fullmatch((yield b""))
    if matched is None:
        raise MalformedResponse("not a user and a token")
    return (yield from _login(authority, matched[1], matched[2], _vendor_error))


def _login(authority: Authority, user: bytes, credentials: bytes, explain: _Explain) -> Exchange:
    """Ask about the token. A refusal is explained in a challenge, and stands whatever the client answers."""
    claim = Token(name_from(user), token=_token(credentials))
    try:
        if not claim.token:  # with no credentials at all the client asks for the explanation (RFC 7628 4.3)
            raise TokenRefused("no bearer token")
        return authority.verify(claim)
    except Barred:  # a new token, which a client might fetch upon an explanation, would not help
        raise
    except Denied as denied:
        refused = denied if isinstance(denied, TokenRefused) else TokenRefused(denied.reason)
        yield json.dumps(explain(refused), separators=(",", ":")).encode("ascii")
        raise


def _token(credentials: bytes) -> str:
    """What follows `Bearer`; empty if that is no token."""
    if len(credentials) > MAX_TOKEN:
        raise MalformedResponse("token too long")
    matched = _BEARER.fullmatch(credentials)
    return matched[1].decode("ascii") if matched else ""


def _openid_error(refused: TokenRefused) -> dict[str, str]:
    """RFC 7628 3.2.2."""
    members = {"status": refused.status, "scope": refused.scope, "openid-configuration": refused.openid_configuration}
    return {name: value for name, value in members.items() if value}


def _vendor_error(refused: TokenRefused) -> dict[str, str]:
    return {"status": _HTTP_STATUS.get(refused.status, "401"), "schemes": "bearer", "scope": refused.scope}


def oauthbearer_client(who: Login) -> ClientExchange:
    """The same from the other side. The explanation of a refusal is answered by one octet (RFC 7628 3.2.3)."""
    explanation = yield f"n,a={escaped(who.authentication_id)},\x01auth=Bearer {who.password}\x01\x01".encode()
    if explanation:
        yield b"\x01"


def xoauth2_client(who: Login) -> ClientExchange:
    """The same, where a refusal's explanation is answered by nothing."""
    explanation = yield f"user={who.authentication_id}\x01auth=Bearer {who.password}\x01\x01".encode()
    if explanation:
        yield b""


OAUTHBEARER = Mechanism("OAUTHBEARER", oauthbearer, Token, cleartext=True)
XOAUTH2 = Mechanism("XOAUTH2", xoauth2, Token, cleartext=True)
OAUTHBEARER_CLIENT = ClientMechanism(
    "OAUTHBEARER", oauthbearer_client, client_first=True, has_authorization_id=False, is_cleartext=True, is_token=True
)
XOAUTH2_CLIENT = OAUTHBEARER_CLIENT._replace(name="XOAUTH2", start=xoauth2_client)
