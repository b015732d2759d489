"""The state of logins that several machines share in Redis or Valkey."""

from __future__ import annotations

import itertools
import secrets
import ssl
import time
from collections.abc import Iterable, Sequence
from threading import Thread
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from gsubmit.auth import penalty, refusals
from gsubmit.auth.loginstate import StateLost
from gsubmit.auth.penalty import Penalised, faded, network_of, proof_of, seconds_left
from gsubmit.auth.state import scripts
from gsubmit.auth.state.redisconnection import connections_to
from gsubmit.settings.stateurl import StateUrl

PREFIX = "gsubmit:"
LEASE = 90.0  # seconds for which a connection counts when nobody says any more that it is there
RENEWAL = 30.0  # seconds from one time that this is said to the next
AT_ONCE = 500  # connections that are renewed by one command
KEEP_FAILURES = 600.0  # seconds; levels are over long before, but wrong passwords are to be known again
KEEP_KNOWN = 30 * 86400.0  # seconds after their last login from a network
_PROOF = 33  # characters, with a blank behind it


class RedisState:
    """A LoginState in a Redis or Valkey, with keys below `gsubmit:`, each of which expires.

    The clock is the server's. Passwords are never sent, only proofs by a secret that all machines find there. Each
    counted connection is a lease, renewed while it lasts: what a machine that died had, is free again after LEASE.
    """

    def __init__(self, url: StateUrl, context: ssl.SSLContext | None = None) -> None:
        """With `context` for rediss://. It connects when it is first asked."""
        self._redis: Redis = Redis(connection_pool=connections_to(url, context))
        self._scripts: dict[str, Any] = {}
        self._secret = secrets.token_hex(32)
        self._process = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._leases: dict[str, list[str]] = {}  # connections by key
        self._is_renewing = False

    def level(self, address: str, user: str = "") -> int:
        """How high the level of this address is."""
        network = network_of(address)
        level, age = self._run(scripts.LEVEL, [_known(network, user), _failures(network)])
        return faded(level, age / 1000)

    def knows(self, address: str, user: str) -> bool:
        """Whether this user's last login from there succeeded."""
        return bool(self._run("return redis.call('EXISTS', KEYS[1])", [_known(network_of(address), user)]))

    def failed(self, address: str, level: int, user: str, password: str = "") -> None:
        """A login failed that began at `level`."""
        network = network_of(address)
        keys = [_failures(network), _key("failures"), _known(network, user), _key("secret")]
        times = [KEEP_FAILURES, KEEP_KNOWN, penalty.FORGOTTEN, *penalty.FADES]
        for _ in range(2):  # the second time by the secret that was there before
            proof = proof_of(user, password, bytes.fromhex(self._secret)).hex()
            kept = penalty.KEPT_PROOFS * _PROOF
            facts: tuple[str | int, ...] = (
                network,
                level,
                user,
                proof,
                int(bool(password)),
                self._secret,
                kept,
                *map(_ms, times),
            )
            secret = self._run(scripts.FAILED, keys, facts)
            if not secret:
                return
            self._secret = _checked(secret)

    def succeeded(self, address: str, user: str) -> None:
        """A login succeeded."""
        if user:
            network = network_of(address)
            keys = [_failures(network), _key("failures"), _known(network, user)]
            self._run(scripts.SUCCEEDED, keys, [network, user, _ms(KEEP_KNOWN)])

    def penalties(self) -> list[Penalised]:
        """The networks that have a level now."""
        return [
            Penalised(_text(network), level, seconds_left(begun, age / 1000), _text(user))
            for network, begun, age, user in self._run(scripts.PENALTIES, [_key("failures")], [_failures("")])
            if (level := faded(begun, age / 1000))
        ]

    def clear_penalty(self, address: str) -> None:
        """Forget the failures of an address, or all."""
        self._run(scripts.CLEAR, [_key("failures")], [_failures(""), network_of(address) if address else ""])

    def enter(self, user: str, address: str, most: int) -> bool:
        """Count one more connection, unless all machines have `most`."""
        key, lease = _key("connections", network_of(address), user), f"{self._process}:{next(self._numbers)}"
        if not self._run(scripts.ENTER, [key], [most, lease, _ms(LEASE)]):
            return False
        self._leases.setdefault(key, []).append(lease)
        if not self._is_renewing:
            self._is_renewing = True
            Thread(target=self._renew, daemon=True, name="leases of connections").start()
        return True

    def leave(self, user: str, address: str) -> None:
        """One less."""
        key = _key("connections", network_of(address), user)
        leases = self._leases.get(key)
        if not leases:
            return
        lease = leases.pop()
        if not leases:
            del self._leases[key]
        try:
            self._run("redis.call('ZREM', KEYS[1], ARGV[1])", [key], [lease])
        except StateLost:
            self._leases.setdefault(key, []).append(lease)
            raise

    def refused(self, user: str, *, of_others: bool) -> None:
        """One more refusal."""
        self._run(scripts.REFUSED, _refusals(user, of_others), [_ms(refusals.FORGOTTEN)])

    def too_many_refusals(self, user: str, *, of_others: bool) -> bool:
        """Whether IMAP servers are not to be asked for this user now."""
        count: int = self._run(scripts.REFUSALS, _refusals(user, of_others))
        return count >= refusals.MOST_REFUSALS

    def forget_refusals(self) -> None:
        """The servers, or our logins there, are others now."""
        self._run(scripts.FORGET_REFUSALS, [_key("refusals")], [_ms(2 * refusals.FORGOTTEN)])

    def version(self) -> str:
        """What the server says of itself, after all that we need of it. Raises StateLost."""
        self.succeeded("192.0.2.0", "\0")  # no user has such a name, and no client such an address
        try:
            about: dict[str, Any] = self._redis.info("server")
        except RedisError:
            return "a server that does not tell its version"
        return f"Valkey {about['valkey_version']}" if "valkey_version" in about else f"Redis {about['redis_version']}"

    def _renew(self) -> None:
        """Until there are no connections left."""
        while True:
            time.sleep(RENEWAL)
            if not self._leases:
                self._is_renewing = False
                return
            try:
                self._renew_all()
            except StateLost:
                continue  # whoever asks next finds out and says so

    def _renew_all(self) -> None:
        pairs = [(key, lease) for key, leases in self._leases.items() for lease in leases]
        for at in range(0, len(pairs), AT_ONCE):
            chosen = [pair for pair in pairs[at : at + AT_ONCE] if self._is_held(*pair)]
            self._run(scripts.RENEW, [key for key, _ in chosen], [_ms(LEASE), *(lease for _, lease in chosen)])
            for key, lease in chosen:
                if not self._is_held(key, lease):  # it ended meanwhile
                    self._run("redis.call('ZREM', KEYS[1], ARGV[1])", [key], [lease])

    def _is_held(self, key: str, lease: str) -> bool:
        return lease in self._leases.get(key, ())

    def _run(self, text: str, keys: Sequence[str], values: Iterable[str | int] = ()) -> Any:
        """What a script answers. Raises StateLost."""
        script = self._scripts.get(text)
        if script is None:
            script = self._scripts[text] = self._redis.register_script(scripts.NOW + text)
        try:
            return script([_octets(key) for key in keys], [_octets(str(value)) for value in values])
        except (RedisError, OSError, ValueError) as error:
            raise StateLost(str(error) or type(error).__name__) from None


def _key(*words: str) -> str:
    return PREFIX + ":".join(words)


def _failures(network: str) -> str:
    return _key("failures", network)


def _known(network: str, user: str) -> str:
    return _key("known", network, user)


def _refusals(user: str, of_others: bool) -> list[str]:
    return [_key("refusals"), _key("refusals", "others" if of_others else "own", user, "")]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _checked(secret: bytes) -> str:
    """The secret that was found. Raises StateLost for something else, of which no proof can be made."""
    try:
        if len(bytes.fromhex(secret.decode("ascii"))) == 32:
            return secret.decode("ascii")
    except ValueError:
        pass
    raise StateLost(f"the key {_key('secret')} is none of ours")


def _octets(text: str) -> bytes:
    """Names may be what clients have made up (PEP 383's surrogates)."""
    return text.encode("utf-8", "surrogatepass")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogatepass")
