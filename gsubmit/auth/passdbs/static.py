"""The passdb driver static: the same password, or none, and the same extra fields for every user."""

from __future__ import annotations

from gsubmit.auth import decoy, fields, hashing, schemes
from gsubmit.auth.passdb import Answer, Means, Origin, Unavailable
from gsubmit.auth.schemes import SchemeError
from gsubmit.sasl.claims import Claim, Cleartext, Denied, Keys, KeysWanted, Proven

DEFAULT_SCHEME = "PLAIN"  # as in Dovecot


class Static:
    """A passdb of driver static."""

    serves: tuple[type[Claim], ...] = (Cleartext, KeysWanted, Proven)

    def __init__(self, given: dict[str, str], *, allow_weak_schemes: bool = False) -> None:
        """`given` are fields; `password` or `nopassword` is among them for a yes to be possible."""
        self._fields = {name: value for name, value in given.items() if name not in fields.PRIVATE}
        self._nopassword = "nopassword" in given
        self._password = given.get("password", "")
        self._allow_weak_schemes = allow_weak_schemes

    @classmethod
    def from_args(cls, args: str, means: Means) -> Static:
        """The passdb of the setting `args = password=P|nopassword [field=value]...`, or ValueError."""
        given = fields.parse(args)
        if ("nopassword" in given) == bool(given.get("password")):
            raise ValueError("static: args need either password= or nopassword")
        try:
            schemes.parse(given.get("password", ""), DEFAULT_SCHEME)
            fields.expanded(given, "user@domain", Origin())
        except (SchemeError, ValueError) as error:
            raise ValueError(f"static: {error}") from None
        return cls(given, allow_weak_schemes=means.allow_weak_schemes)

    def __str__(self) -> str:
        return "static"

    def verify(self, claim: Claim, origin: Origin) -> Answer:
        """Yes to everybody who knows the password."""
        user = claim.authentication_id
        keys = None
        try:
            if isinstance(claim, Cleartext) and not self._nopassword:
                if not hashing.check(
                    self._password, DEFAULT_SCHEME, claim.password, user=user, allow_weak=self._allow_weak_schemes
                ):
                    raise Denied("password mismatch")
            elif isinstance(claim, KeysWanted):
                keys = decoy.keys_of(claim, schemes.parse(self._password, DEFAULT_SCHEME)) if self._password else None
                if keys is None:
                    raise Denied(f"no password that {claim.scheme} could use")
        except SchemeError as error:
            raise Unavailable(str(error)) from None
        return Answer(fields.expanded(self._fields, user, origin), keys)

    def pretend(self, claim: Claim, _: Origin) -> Keys | None:
        """Nobody is unknown here."""
        return decoy.keys(claim, self._password, DEFAULT_SCHEME) if isinstance(claim, KeysWanted) else None
