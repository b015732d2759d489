"""The passdb driver dovecot: a Dovecot is asked over its auth client protocol, as Postfix and Exim ask it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Self

from gsubmit.auth.cache import Finding
from gsubmit.auth.means import Means
from gsubmit.auth.names import CONTROL
from gsubmit.auth.passdb import Answer, Origin, Reach, Unavailable, held
from gsubmit.auth.passdbs import dovecotprotocol as protocol
from gsubmit.auth.passdbs.dovecotconnection import AuthConnection, Lost, Place
from gsubmit.auth.passdbs.dovecotprotocol import Reply
from gsubmit.auth.passdbs.options import is_yes, read_options
from gsubmit.net.slots import Slots
from gsubmit.sasl.claims import Claim, Cleartext, Denied, Token, octets_of
from gsubmit.sasl.oauth import TOKEN
from gsubmit.sasl.saslname import escaped
from gsubmit.settings.hosts import is_loopback

MAX_CONNECTIONS = 200  # a refused login takes one for two seconds (auth_failure_delay); Dovecot takes 1000 clients
SLOT_TIMEOUT = 10.0  # seconds to wait for one of them
MAX_KEPT = 20  # idle connections
MAX_AGE = 60.0  # seconds; a reload leaves the old auth process, with the old settings, to the clients that it has

_ADDRESS = re.compile(r"inet:(?:\[([0-9A-Fa-f:.]+)\]|([^\s\[\]:]+)):([0-9]{1,5})")
_TOKEN = re.compile(TOKEN.decode())

Response = tuple[str, bytes]  # mechanism and initial response


class DovecotAuth:
    """A passdb of driver dovecot.

    Dovecot looks at addresses (`allow_nets`, the penalty, its policy server) and holds refusals back by itself. It does
    not tell an unknown user from a wrong password.

    Passwords go over the socket as they are. So another machine than this one is refused as an INET host, unless
    `cleartext=yes` says that nobody else sees that network.
    """

    serves: tuple[type[Claim], ...] = (Cleartext, Token)
    reach: Reach = "remote"

    def __init__(self, place: Place, means: Means) -> None:
        self.place = place
        self._cache = means.cache
        self._slots = Slots(MAX_CONNECTIONS)
        self._idle: list[AuthConnection] = []  # the one used last at the end

    @classmethod
    def from_args(cls, args: str, means: Means) -> Self:
        """The passdb of `args = unix:PATH`, `/PATH` or `inet:HOST:PORT [cleartext=yes]`, or ValueError."""
        return cls(_place(args.strip()), means)

    def __str__(self) -> str:
        return f"dovecot {self.place}"

    def verify(self, claim: Claim, origin: Origin) -> Answer:
        """Ask Dovecot, or remember what it said."""
        if isinstance(claim, Cleartext):
            return self._verify_password(claim, origin)
        if isinstance(claim, Token):
            # Not remembered: a token may end at any time.
            return _answer(self._ask(_token_responses(claim), origin))
        raise Unavailable("Dovecot tells nothing about a user without a password or token")

    def pretend(self, claim: Claim, origin: Origin) -> None:
        """Nothing: Dovecot takes as long for unknown users as for wrong passwords."""
        return

    def _verify_password(self, claim: Cleartext, origin: Origin) -> Answer:
        # Dovecot's answer is for this client only, for example where the user has `allow_nets`.
        where = f"{self} {origin.remote_ip} {origin.real_ip} {origin.local_ip} {origin.tls:d}{origin.secured:d}"
        user, password = claim.authentication_id, claim.password
        finding = self._cache.recall(where, user, password)
        if finding is None:
            reply = self._ask([_plain_response(user, password)], origin)
            finding = Finding(_fields(reply, password) if reply.verdict == "OK" else None)
            if _may_be_remembered(reply):
                self._cache.remember(where, user, password, finding)
            if reply.verdict == "FAIL":
                raise protocol.refusal(reply)
        if finding.fields is None:
            raise Denied("refused by Dovecot a short while ago")
        return Answer(finding.fields)

    # Connections

    def _ask(self, responses: Sequence[Response], origin: Origin) -> Reply:
        """Dovecot's OK or FAIL to the first of the responses whose mechanism it offers."""
        with held(self._slots, SLOT_TIMEOUT, f"all {MAX_CONNECTIONS} connections to {self.place} are busy"):
            connection = self._kept()
            if connection is not None:
                try:
                    return self._ask_on(connection, responses, origin)
                except Lost:
                    pass  # Dovecot was restarted just now; to ask twice does no harm
            return self._ask_on(AuthConnection(self.place), responses, origin)

    def _ask_on(self, connection: AuthConnection, responses: Sequence[Response], origin: Origin) -> Reply:
        try:
            for mechanism, response in responses:
                if mechanism in connection.mechanisms:
                    reply = connection.ask(mechanism, origin, response)
                    break
            else:
                wanted = " or ".join(mechanism for mechanism, _ in responses)
                raise Unavailable(f"{self.place} does not offer {wanted}, see Dovecot's auth_mechanisms")
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return reply

    def _kept(self) -> AuthConnection | None:
        """An idle connection that lives."""
        while self._idle and monotonic() - self._idle[0].since > MAX_AGE:
            self._idle.pop(0).close()
        while self._idle:
            connection = self._idle.pop()
            if monotonic() - connection.since <= MAX_AGE and connection.is_usable():
                return connection
            connection.close()
        return None

    def _keep(self, connection: AuthConnection) -> None:
        if len(self._idle) < MAX_KEPT and monotonic() - connection.since <= MAX_AGE:
            self._idle.append(connection)
        else:
            connection.close()


def _place(args: str) -> Place:
    if args.startswith("unix:/") or args.startswith("/"):
        return Place(path=args.removeprefix("unix:"))
    address, *words = args.split() or [""]
    matched = _ADDRESS.fullmatch(address)
    if matched is None:
        raise ValueError("args must be unix:/PATH or inet:HOST:PORT [cleartext=yes]")
    host, port = matched[1] or matched[2], int(matched[3])
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port")
    if not (is_yes(read_options(words, {"cleartext": "no"}), "cleartext") or is_loopback(host)):
        raise ValueError(
            f"passwords would go to {host} in clear text; use a unix socket or a tunnel,"
            " or add cleartext=yes if nobody else sees that network"
        )
    return Place(host=host, port=port)


def _plain_response(user: str, password: str) -> Response:
    # Dovecot takes what stands before a NUL for the whole password.
    if CONTROL.search(user) or "\0" in password:
        raise Denied("control character in user name or password")
    return "PLAIN", _fitting(f"\0{user}\0".encode() + octets_of(password))


def _token_responses(claim: Token) -> list[Response]:
    """RFC 7628 3.1, and what was there before it."""
    user, token = claim.authentication_id, claim.token
    if CONTROL.search(user) or not _TOKEN.fullmatch(token):
        raise Denied("malformed user name or token")
    header = f"n,a={escaped(user)}," if user else "n,,"
    return [
        ("OAUTHBEARER", _fitting(f"{header}\x01auth=Bearer {token}\x01\x01".encode())),
        ("XOAUTH2", _fitting(f"user={user}\x01auth=Bearer {token}\x01\x01".encode())),
    ]


def _fitting(response: bytes) -> bytes:
    if len(response) > protocol.MAX_RESPONSE:
        raise Denied("user name and password too long for Dovecot")
    return response


def _answer(reply: Reply) -> Answer:
    if reply.verdict == "FAIL":
        raise protocol.refusal(reply)
    return Answer(_fields(reply, ""))


def _fields(reply: Reply, password: str) -> Mapping[str, str]:
    """The extra fields. Dovecot echoes the password where the user is to be proxied, which nobody needs to keep."""
    hidden = {"resp"}
    if reply.fields.get("pass") == password:
        hidden.add("pass")
    return {name: value for name, value in reply.fields.items() if name not in hidden}


def _may_be_remembered(reply: Reply) -> bool:
    """Not a no with a reason of its own: the cache knows nothing but right and wrong."""
    return reply.verdict == "OK" or not (protocol.code_of(reply) or {"reason", "nodelay"} & reply.fields.keys())
