"""The passdb driver oauth2: bearer tokens, verified here or by the authorization server."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Self

from gsubmit.auth import fields
from gsubmit.auth.cache import Finding, VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.oauth import settings as oauth2settings
from gsubmit.auth.oauth.endpoint import Client
from gsubmit.auth.oauth.introspection import Introspection
from gsubmit.auth.oauth.jwks import PublishedKeys
from gsubmit.auth.oauth.keys import KeyFolder
from gsubmit.auth.oauth.settings import ACCESS_TOKEN, OAuth2Settings
from gsubmit.auth.oauth.strictjson import JsonObject, seconds_of, text_of
from gsubmit.auth.oauth.webtoken import WebTokens
from gsubmit.auth.passdb import Answer, Origin, Reach
from gsubmit.sasl.claims import Claim, Denied, Token, TokenRefused
from gsubmit.sasl.oauth import MAX_TOKEN, TOKEN
from gsubmit.settings.passdbs import FIELD_VARIABLES

_TOKEN = re.compile(TOKEN.decode())
_VARIABLES = frozenset({*FIELD_VARIABLES, ACCESS_TOKEN})

# What a good token says: its user, when it ends (seconds since 1970), and claims by their variables in pass_attrs.
# No variable has a NUL in its name.
_USER, _ENDS = "\0user", "\0ends"
_Grant = Mapping[str, str]


class OAuth2:
    """A passdb of driver oauth2."""

    serves: tuple[type[Claim], ...] = (Token,)
    reach: Reach = "remote"

    def __init__(self, settings: OAuth2Settings, cache: VerifiedCache) -> None:
        self.settings = settings
        self._cache = cache
        self._demands = settings.demands
        self._fields = fields.parse(settings.pass_attrs)
        configuration = settings.openid_configuration_url
        self._openid_configuration = str(configuration) if configuration and configuration.is_tls else ""
        client = Client(settings.context, settings.timeout_msecs / 1000)
        self._web_tokens = _web_tokens(settings, client) if settings.is_local else None
        self._introspection = Introspection(client, settings)

    @classmethod
    def from_args(cls, args: str, means: Means) -> Self:
        """The passdb of the setting `args = PATH`, or ValueError."""
        path = args.strip()
        if not path.startswith("/"):
            raise ValueError("args must be the absolute path of the settings file")
        return cls(oauth2settings.read(path, _VARIABLES), means.cache)

    def __str__(self) -> str:
        return f"oauth2 {self.settings.path}"

    def verify(self, claim: Claim, origin: Origin) -> Answer:
        """Whether the token is good, and of the user that the client names, if it names one."""
        if not isinstance(claim, Token):
            raise Denied("not a token")
        try:
            if len(claim.token) > MAX_TOKEN or not _TOKEN.fullmatch(claim.token):
                raise Denied("malformed bearer token")
            if self._web_tokens is not None:
                grant = self._grant(self._web_tokens.claims(claim.token), claim)
            else:
                grant = self._introspected(claim)
        except Denied as denied:
            raise self._refusal(denied) from None
        user = claim.authentication_id or grant[_USER]
        name = {} if claim.authentication_id else {"user": user}
        return Answer({**name, **self._extra_fields(user, grant, claim, origin)})

    def pretend(self, claim: Claim, origin: Origin) -> None:
        """Nothing to do: no answer about a token depends on whether a user exists."""

    def _introspected(self, claim: Token) -> _Grant:
        """From the cache, or from the authorization server. Refusals of ours are not kept, those of the server are."""
        place, user, token = str(self), claim.authentication_id, claim.token
        finding = self._cache.recall(place, user, token)
        if finding is not None:
            if finding.fields is None:
                raise Denied("the authorization server refused the token a short while ago")
            if time.time() < float(finding.fields.get(_ENDS, "inf")):
                return finding.fields
        try:
            claims = self._introspection.claims(token)
        except TokenRefused:
            raise
        except Denied:
            self._cache.remember(place, user, token, Finding(None))
            raise
        grant = self._grant(claims, claim)
        self._cache.remember(place, user, token, Finding(grant))
        return grant

    def _grant(self, claims: JsonObject, claim: Token) -> _Grant:
        is_local = self._web_tokens is not None
        user = self._demands.user(claims, claim.authentication_id, is_local=is_local)
        ends = seconds_of(claims.get("exp"))
        grant = {_USER: user} if ends is None else {_USER: user, _ENDS: repr(ends)}
        return grant | {name: _text(claims, name) for name in self.settings.attributes}

    def _extra_fields(self, user: str, grant: _Grant, claim: Token, origin: Origin) -> dict[str, str]:
        """The fields of pass_attrs. The words were cut before, so that no claim adds fields."""
        if not self._fields:
            return {}
        return fields.expanded(self._fields, user, origin, {**grant, ACCESS_TOKEN: claim.token})

    def _refusal(self, denied: Denied) -> TokenRefused:
        """The denial, with what the client may be told."""
        status = denied.status if isinstance(denied, TokenRefused) else "invalid_token"
        scope = " ".join(sorted(self.settings.demands.scope))
        return TokenRefused(denied.reason, status=status, scope=scope, openid_configuration=self._openid_configuration)


def _web_tokens(settings: OAuth2Settings, client: Client) -> WebTokens:
    folder = settings.local_validation_key_dict
    url, configuration = settings.jwks_url, settings.openid_configuration_url
    # As in Dovecot, the configuration may be there for clients only.
    published = PublishedKeys(client, url, configuration) if url or (configuration and not folder) else None
    return WebTokens(KeyFolder(folder) if folder else None, published)


def _text(claims: JsonObject, variable: str) -> str:
    """The value of `oauth2:CLAIM` or `oauth2:CLAIM:DEFAULT`."""
    _, claim, *default = variable.split(":", 2)
    text = text_of(claims.get(claim))
    if text is None:
        return default[0] if default else ""
    if not text.isprintable():
        raise Denied(f"control character in {claim} of the token")
    return text
