"""The settings that stand inside blocks: listeners, passdbs, and certificates by name or address."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from gsubmit.settings.declare import setting
from gsubmit.settings.kinds import addresses, boolean, enum, limit, port_or_none, string, word_list
from gsubmit.settings.problem import NOWHERE, Place
from gsubmit.settings.tls import Certificate

MAX_CLIENTS = 1000  # where nothing is said; Dovecot's own figures come to 100


@dataclass(frozen=True, slots=True)
class InetListener:
    """A port to listen on: `inet_listener NAME { }` inside `service submission-login { }`."""

    name: str
    address: tuple[str, ...] = setting(addresses, (), "Addresses of this listener; empty means those of listen.")
    port: int = setting(port_or_none, 0, "TCP port; 0 switches the listener off.")
    ssl: bool = setting(boolean, False, "Whether TLS starts with the first octet, as on port 465.")
    haproxy: bool = setting(
        boolean,
        False,
        "Whether clients come by haproxy or its like, which says in a PROXY header who they are.",
        "Only those of `haproxy_trusted_networks` can connect then, and the header, of version 1 or 2, comes before"
        " everything else, TLS among it. Where it says that the client speaks TLS with the front end, that counts as"
        " TLS, and the name in a client certificate that was verified there as one that was verified here.",
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)  # where its block begins, if it has one
    is_extra: bool = field(default=False, compare=False, repr=False)  # nobody asked for it: its port may be in use

    def addresses(self, listen: tuple[str, ...]) -> tuple[str, ...]:
        """Where this listener is bound, given the setting `listen`."""
        return self.address or listen


@dataclass(frozen=True, slots=True)
class MetricsListener:
    """A port for figures and the status page: `inet_listener NAME { }` inside `service metrics { }`."""

    name: str
    address: tuple[str, ...] = setting(
        addresses,
        ("127.0.0.1",),
        "Addresses of this listener.",
        "Nobody is asked who he is: others than this machine see figures and users where they can connect.",
    )
    port: int = setting(port_or_none, 0, "TCP port; 0 switches the listener off.")
    place: Place = field(default=NOWHERE, compare=False, repr=False)  # where its block begins


SUBMISSION = InetListener("submission", port=587)
SUBMISSIONS = InetListener("submissions", port=465, ssl=True, is_extra=True)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """`service submission-login { }`, and what others that there are amount to."""

    inet_listeners: tuple[InetListener, ...] = (SUBMISSION, SUBMISSIONS)
    process_limit: int = setting(
        limit,
        0,
        "Most processes in Dovecot; 0 means default_process_limit.",
        "As many clients are taken at the same time as all these would take: `process_limit` times `client_limit`, and"
        " for each no more than `service_count`. So with nothing else, `process_limit` is the number of clients."
        f" Where none of these is set it is {MAX_CLIENTS}. When all places are taken, a newcomer gets one of the"
        " network or user with most.",
    )
    client_limit: int = setting(limit, 0, "Most clients of one process in Dovecot; 0 means default_client_limit.")
    service_count: int = setting(
        limit, 1, "Clients after which a process of Dovecot ends, so that it has no more at a time; 0 means unlimited."
    )
    process_min_avail: int = setting(
        limit,
        0,
        "Processes that serve; 0 means one for each processor.",
        "All of them take clients from the same listeners, and limits hold for all of them together.",
    )
    max_clients: int = MAX_CLIENTS  # at the same time, by all of these
    metrics: tuple[MetricsListener, ...] = ()  # those of `service metrics`
    has_penalty: bool = True  # unless `service anvil { unix_listener anvil-auth-penalty { mode = 0 } }` says no

    @property
    def workers(self) -> int:
        """How many processes serve."""
        return self.process_min_avail or os.cpu_count() or 1

    @staticmethod
    def default_listeners(*, tls: bool) -> tuple[InetListener, ...]:
        """The listeners when none is configured: Dovecot's, and where there is TLS 465 too."""
        return (SUBMISSION, SUBMISSIONS) if tls else (SUBMISSION,)


RULES = ("return-ok", "return", "return-fail", "continue", "continue-ok", "continue-fail")


@dataclass(frozen=True, slots=True)
class PassdbSettings:
    """`passdb { }`: a place to look users up; `place` is where the block begins."""

    driver: str = setting(string, "", "Kind of the user database: {drivers}.")
    args: str = setting(
        string, "", "Where the database is, and its options; gsubmit.conf(5) says which for each driver."
    )
    deny: bool = setting(boolean, False, "Whether users that are found here cannot log in.")
    master: bool = setting(boolean, False, "Whether these are master users, who may log in for others.")
    skip: str = setting(
        enum("never", "authenticated", "unauthenticated"),
        "never",
        "When not to ask: never, authenticated (a passdb before it said yes) or unauthenticated.",
    )
    result_success: str = setting(
        enum(*RULES),
        "return-ok",
        "What a yes leads to: return or continue with the result as it is, or with -ok or -fail for yes or no.",
    )
    result_failure: str = setting(enum(*RULES), "continue", "What a no leads to, as in result_success.")
    result_internalfail: str = setting(
        enum(*RULES), "continue", "What it leads to when the database cannot be asked, as in result_success."
    )
    mechanisms: tuple[str, ...] = setting(word_list(), (), "Mechanisms for whose logins to ask; empty means all.")
    username_filter: tuple[str, ...] = setting(
        word_list(), (), "Names for which to ask, with * and ?, and ! for those not; empty means all."
    )
    default_fields: str = setting(string, "", "Extra fields for users that have none of that name.")
    override_fields: str = setting(string, "", "Extra fields for all users, whatever theirs are.")
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalName(Certificate):
    """`local_name NAME... { }`: the certificate for clients that ask for one of `names` (SNI); `*.` is one label."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAddress(Certificate):
    """`local ADDRESS { }`: the certificate for clients that connect to an address of `network`."""

    network: IPv4Network | IPv6Network
