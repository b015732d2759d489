"""What the claims of a token must be, wherever they come from (RFC 7519 4.1, RFC 7662 2.2)."""

from __future__ import annotations

import time
import unicodedata
from dataclasses import dataclass

from gsubmit.auth.names import values
from gsubmit.auth.oauth.strictjson import JsonObject, seconds_of, text_of, words_of
from gsubmit.sasl.claims import MAX_FIELD, Denied, TokenRefused
from gsubmit.settings.declare import ValueType, setting
from gsubmit.settings.kinds import string, template
from gsubmit.settings.login import USERNAME_VARIABLES
from gsubmit.settings.problem import words
from gsubmit.settings.variables import expand

LEEWAY = 30.0  # seconds that clocks may differ (RFC 7519 4.1.4)

word_set: ValueType[frozenset[str]] = ValueType(words, lambda value: " ".join(sorted(value)))


@dataclass(frozen=True)
class Demands:
    """The settings about claims. What is empty is not checked."""

    issuers: frozenset[str] = setting(word_set, frozenset(), "Issuers of whom one must have issued the token.")
    audience: frozenset[str] = setting(
        word_set,
        frozenset(),
        "For whom the token must be, one of these; without one, what was issued for any other service will do.",
    )
    scope: frozenset[str] = setting(word_set, frozenset(), "Words that must all be in the scope of the token.")
    active_attribute: str = setting(string, "", "A claim that must be there.")
    active_value: str = setting(string, "", "What that claim must be; empty means anything.")
    username_attribute: str = setting(string, "email", "The claim that has the name of the user whose token it is.")
    username_format: str = setting(
        template(USERNAME_VARIABLES), "%Lu", "The name of the user, made of what that claim has; %Lu is lower case."
    )

    def user(self, claims: JsonObject, asked_for: str, *, is_local: bool) -> str:
        """Whose token it is. Denied if it is not good, or that user is not the one `asked_for` (if any).

        `is_local`: nobody but us has looked at the token, so it must say when it ends and who issued it.
        """
        self._check_times(claims, is_local=is_local)
        self._check_issuer(claims, is_local=is_local)
        if self.audience and not self.audience & _audience(claims):
            raise Denied("token for another audience")
        if self.active_attribute:
            text = text_of(claims.get(self.active_attribute))
            if text is None or self.active_value not in ("", text):
                raise Denied("account not active")
        if not self.scope <= words_of(claims.get("scope", claims.get("scp"))):
            raise TokenRefused("token without the scope", status="insufficient_scope")
        user = expand(self.username_format, values(self._name(claims)))
        if asked_for and user != expand(self.username_format, values(asked_for)):
            raise Denied("token is of another user")
        if not user:
            raise Denied("no user name left after username_format")
        return user

    def _check_times(self, claims: JsonObject, *, is_local: bool) -> None:
        ends = _seconds(claims, "exp")
        if ends is None and is_local:
            raise Denied("token without exp")
        now = time.time()
        if ends is not None and now >= ends + LEEWAY:
            raise Denied("token expired")
        for name in ("nbf", "iat"):
            begins = _seconds(claims, name)
            if begins is not None and now < begins - LEEWAY:
                raise Denied(f"token not valid yet ({name})")

    def _check_issuer(self, claims: JsonObject, *, is_local: bool) -> None:
        if not self.issuers or ("iss" not in claims and not is_local):
            return
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or issuer not in self.issuers:
            raise Denied("token of another issuer")

    def _name(self, claims: JsonObject) -> str:
        name = claims.get(self.username_attribute)
        if not isinstance(name, str) or not name or len(name) > MAX_FIELD:
            raise Denied(f"token without a user name in {self.username_attribute}")
        if self.username_attribute == "email" and text_of(claims.get("email_verified", True)) != "true":
            # Some servers let a user write any address there (OpenID Connect Core 1.0 5.1, 5.7).
            raise Denied("email of the token is not verified")
        # Lower case turns the Kelvin sign into a k, and with it one user into another.
        if not name.isprintable() or not unicodedata.is_normalized("NFKC", name) or " " in name:
            raise Denied("character not allowed in user name")
        return name


def _audience(claims: JsonObject) -> frozenset[str]:
    """RFC 7519 4.1.3: one string, blanks and all, or a list."""
    audience = claims.get("aud")
    return frozenset({audience}) if isinstance(audience, str) else words_of(audience)


def _seconds(claims: JsonObject, name: str) -> float | None:
    if name not in claims:
        return None
    seconds = seconds_of(claims[name])
    if seconds is None:
        raise Denied(f"{name} of the token is no time")
    return seconds
