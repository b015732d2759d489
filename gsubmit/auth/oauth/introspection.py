"""Asking the authorization server about a token (RFC 7662, and what there was before it)."""

from __future__ import annotations

import base64
import time
from typing import Literal
from urllib.parse import quote, quote_plus

from gsubmit.auth.oauth.endpoint import Client, Endpoint, Reply
from gsubmit.auth.oauth.settings import OAuth2Settings
from gsubmit.auth.oauth.strictjson import JsonObject, parse_object, seconds_of, text_of
from gsubmit.auth.passdb import Unavailable
from gsubmit.sasl.claims import Denied, TokenRefused

Mode = Literal["auth", "get", "post"]
_MODES: dict[str, Mode] = {"get": "get", "post": "post"}


class Introspection:
    """The tokeninfo URL, then the introspection URL, as far as there are both and the first did not tell enough."""

    def __init__(self, client: Client, settings: OAuth2Settings) -> None:
        self._client = client
        self._settings = settings
        self._mode = _MODES.get(settings.introspection_mode, "auth")
        named = {settings.demands.username_attribute, settings.demands.active_attribute} - {""}
        # With these claims from the first URL the second is not asked.
        self._enough = named | {name.split(":")[1] for name in settings.attributes}

    def claims(self, token: str) -> JsonObject:
        """What the server says of the token. Denied or Unavailable."""
        claims: dict[str, object] = {}
        tokeninfo_url, introspection_url = self._settings.tokeninfo_url, self._settings.introspection_url
        if tokeninfo_url is not None:
            claims |= self._ask(tokeninfo_url, "get", token)
            if not self._settings.force_introspection and self._enough <= claims.keys():
                return claims
        if introspection_url is not None:
            claims |= self._ask(introspection_url, self._mode, token)
        return claims

    def _ask(self, url: Endpoint, mode: Mode, token: str) -> dict[str, object]:
        basic = _basic(url.user, url.password) if url.user else ""
        match mode:
            case "get":
                reply = self._client.ask(url, suffix=quote(token, safe=""), authorization=basic)
            case "auth":
                reply = self._client.ask(url, authorization=f"Bearer {token}")  # RFC 6750 2.1
            case "post":  # RFC 7662 2.1; the client says who it is as in RFC 6749 2.3.1
                if self._settings.client_id:
                    basic = _basic(quote_plus(self._settings.client_id), quote_plus(self._settings.client_secret))
                form = {"token": token, "token_type_hint": "access_token"}
                reply = self._client.ask(url, form=form, authorization=basic)
        if reply.status != 200:
            raise _refusal(url, mode, reply)
        try:
            claims = dict(parse_object(reply.body))
        except ValueError as error:
            raise Unavailable(f"{url}: {error}") from None
        return _accepted(url, mode, claims)


def _accepted(url: Endpoint, mode: Mode, claims: dict[str, object]) -> dict[str, object]:
    """The claims, if the token is good by them. Denied or Unavailable."""
    if claims.get("error") or claims.get("error_description"):
        raise Denied("the authorization server refuses the token")
    if "active" not in claims and mode == "post":
        raise Unavailable(f"{url}: an answer without active (RFC 7662 2.2)")
    if text_of(claims.get("active", True)) != "true":
        raise Denied("token not active")
    lasts = seconds_of(claims.get("expires_in"))
    if lasts is not None and "exp" not in claims:
        claims["exp"] = time.time() + lasts
    return claims


def _refusal(url: Endpoint, mode: Mode, reply: Reply) -> Denied | Unavailable:
    """What a status means: that the token is no good, or that we could not find out."""
    if mode == "post":
        # A 401 is about our own credentials here (RFC 7662 2.3); a token that is no good gets a 200.
        if reply.status in (400, 401) and _error_code(reply) == "invalid_token":
            return Denied("the authorization server refuses the token")
    elif reply.status in (400, 401):
        return Denied("the authorization server refuses the token")
    elif reply.status == 403 and mode == "auth":  # RFC 6750 3.1
        return TokenRefused("token without the scope", status="insufficient_scope")
    return Unavailable(f"{url}: answered {reply.status}")


def _error_code(reply: Reply) -> object:
    try:
        return parse_object(reply.body).get("error")
    except ValueError:
        return None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
