"""The contract of a passdb: a claim in, the extra fields of the user's entry out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from gsubmit.auth.looks import Looks
from gsubmit.net.slots import Slots
from gsubmit.sasl.claims import Claim, Denied, LateKeys


class UnknownUser(Denied):
    """Denied, and no password was compared: the time for that is still owed (see Passdb.pretend)."""

    def __init__(self) -> None:
        super().__init__("unknown user")


class Unavailable(Exception):
    """We could not find out: a failure of ours, never held against the user. The reason is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.denied: Denied | None = None  # by another passdb, where this one can never be asked: counted as a guess


@contextmanager
def held(slots: Slots, timeout: float, otherwise: str) -> Iterator[None]:
    """One of these slots; Unavailable, with the reason `otherwise`, where none comes within `timeout` seconds."""
    if not slots.take(timeout):
        raise Unavailable(otherwise)
    try:
        yield
    finally:
        slots.give_back()


@dataclass(frozen=True)
class Origin:
    """Where a claim comes from; addresses as text."""

    mechanism: str = ""
    remote_ip: str = ""
    remote_port: int = 0
    local_ip: str = ""
    local_port: int = 0
    tls: bool = False
    secured: bool = False  # TLS, or as good
    session: str = ""
    real_ip: str = ""  # of whoever speaks to us, where a front end does; empty: the same as remote_ip
    # What login proxies tell each other's passdbs, by names without `forward_`.
    forward: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    # Called before what takes long; raises Denied or Unavailable when nobody waits for the answer any more.
    check_wanted: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)


@dataclass(frozen=True)
class Answer:
    """A passdb's yes: the extra fields of the entry (`user` changes the name), and the keys if those were wanted."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    keys: LateKeys | None = None


# Where a passdb is: in this process, at another server that takes its time, or in no driver of ours.
Reach = Literal["here", "remote", "absent"]


class Passdb(Protocol):
    """One source of users. `str()` of it names it in the log."""

    # The same for all passdbs of a driver.
    serves: tuple[type[Claim], ...]  # the kinds of claims that it can answer; it is not asked about others
    reach: Reach

    def verify(self, claim: Claim, origin: Origin) -> Answer:
        """Yes, or Denied (UnknownUser where no password was compared), or Unavailable.

        `claim.authentication_id` is as passdbs know users (auth.names); `authorization_id` does not matter here.
        """

    def pretend(self, claim: Claim, origin: Origin) -> Looks | None:
        """Spend the time that a wrong password takes, so that a reply's delay does not tell who exists.

        Where keys are wanted, which are asked for before the proof: no time, but what those of the users look like.
        """
