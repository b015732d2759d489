"""From settings to what sessions share: relay, IMAP servers, passdbs, TLS."""

from __future__ import annotations

import logging
import ssl
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from gsubmit.app.backends import named_targets
from gsubmit.app.shared import Shared
from gsubmit.auth.chain import build_chain
from gsubmit.auth.loginstate import LoginState
from gsubmit.auth.state.fallback import StateWithFallback
from gsubmit.auth.state.local import LocalState
from gsubmit.auth.state.shared import SharedState
from gsubmit.burl.fetcher import Fetcher
from gsubmit.burl.refusals import Refusals
from gsubmit.burl.resolver import Resolver
from gsubmit.dial.nexthop import NextHop
from gsubmit.message.fixups import FixUps
from gsubmit.net.imappool import Pool as ImapPool
from gsubmit.net.sharedslots import SlotFile
from gsubmit.plugins.loader import load_plugins
from gsubmit.proxy.itself import Itself
from gsubmit.proxy.loginproxy import LoginProxy
from gsubmit.relay.pool import Pool
from gsubmit.relay.promise import NextHops
from gsubmit.relay.relay import Relay
from gsubmit.relay.unset import NoRelay
from gsubmit.sasl.mechanisms import MECHANISMS
from gsubmit.senders.loginmap import BadMap
from gsubmit.senders.senders import Senders
from gsubmit.server.logins import Logins
from gsubmit.server.service import Service
from gsubmit.server.waiting import Interrupted
from gsubmit.server.wire import TimedOut
from gsubmit.settings.burl import ImapServerSettings
from gsubmit.settings.relay import RelaySettings
from gsubmit.settings.sections import Settings
from gsubmit.settings.sent import SentServerSettings
from gsubmit.tls import exporter, openssl
from gsubmit.tls.certificates import CertificateError
from gsubmit.tls.client import client_context
from gsubmit.tls.server import ServerTls

if TYPE_CHECKING:
    from gsubmit.auth.state.redisstate import RedisState
    from gsubmit.scripts.scripts import Scripts
    from gsubmit.sent.keeper import SentCopies

_log = logging.getLogger("gsubmit")


class CannotStart(Exception):
    """Something outside makes it impossible to serve; the text is one line for the administrator."""


def next_hop(settings: Settings, relay: RelaySettings | None = None) -> NextHop | None:
    """The next hop that the settings name, if they do; by default that outside of blocks. Raises CannotStart."""
    relay = relay or settings.relay
    if not relay.host:
        return None
    discarded = {word.upper() for word in relay.discard_ehlo_keywords}
    if not settings.submission.submission_add_received_header:
        discarded.add("CHUNKING")  # there is nothing of ours that BDAT could be tried with
    return NextHop(
        host=relay.host,
        port=relay.port,
        hostname=settings.server.hostname,
        connect_timeout=relay.connect_timeout,
        command_timeout=relay.command_timeout,
        # RFC 5321 4.5.3.2: 10 minutes. Given up earlier, a message that was taken comes a second time.
        data_done_timeout=relay.data_done_timeout or 2 * relay.command_timeout,
        tls=relay.ssl,
        context=_context(settings, relay),
        login=relay.login,
        trusted=relay.trusted,
        rawlog_dir=relay.rawlog_dir,
        discarded=frozenset(discarded),
    )


def _context(
    settings: Settings, other: RelaySettings | ImapServerSettings | SentServerSettings
) -> ssl.SSLContext | None:
    """TLS as a client of another server, if it is to have any. Raises CannotStart."""
    if other.ssl == "no":
        return None
    try:
        return client_context(settings.ssl, verify=other.ssl_verify)
    except CertificateError as error:
        raise CannotStart(str(error)) from error


def build_relay(settings: Settings, slots: SlotFile | None = None, relay: RelaySettings | None = None) -> NextHops:
    """Where messages go by these settings; `slots` are those of all processes. Raises CannotStart."""
    relay = relay or settings.relay
    hop = next_hop(settings, relay)
    if hop is None:
        return NoRelay()
    most = relay.max_connections
    shared = slots.slots(f"relay {hop}", most, settings.services.workers) if slots is not None else None
    pool = Pool(hop, relay.max_idle_time, most, shared)
    return Relay(pool, settings.submission.submission_backend_capabilities)


def build_resolver(settings: Settings, refusals: Refusals, slots: SlotFile | None = None) -> Resolver:
    """What fetches messages for BURL; `slots` are those of all processes. Raises CannotStart."""
    burl, pools = settings.burl, []
    most, workers = burl.max_connections, settings.services.workers
    for server in settings.burl.servers:
        if server.is_useful:
            name = f"imap {server.host} port {server.port}"
            shared = slots.slots(name, most, workers) if slots is not None else None
            pools.append(ImapPool(Fetcher, server, _context(settings, server), burl.connect_timeout, most, shared))
    return Resolver(pools, burl.access, burl.timeout, refusals)


def build_fixups(settings: Settings) -> FixUps | None:
    """What is added to headers and taken out of them; None for nothing."""
    asked = settings.fixups
    made = FixUps(
        hostname=settings.server.hostname,
        add_date=asked.submission_add_date != "no",
        repair_date=asked.submission_add_date == "repair",
        add_message_id=asked.submission_add_message_id != "no",
        repair_message_id=asked.submission_add_message_id == "repair",
        dropped=frozenset(name.lower().encode("ascii") for name in asked.submission_drop_headers),
        needs_from=asked.submission_require_from,
        needs_full_domains=asked.submission_refuse_single_label,
    )
    return made if made != FixUps(made.hostname) else None


def build_senders(settings: Settings) -> Senders | None:
    """Who may send from which address; None for everybody from all. Raises CannotStart."""
    if settings.submission.senders.submission_sender_check == "no":
        return None
    try:
        return Senders(settings.submission.senders)
    except BadMap as error:
        raise CannotStart(f"submission_sender_login_map: {error}") from error


def build_scripts(settings: Settings) -> Scripts | None:
    """The Sieve scripts of administrators and users; None where there are none. Raises CannotStart."""
    sieve = settings.submission.sieve
    if not sieve.is_asked_for:
        return None
    from gsubmit.scripts.scripts import Scripts  # noqa: PLC0415 - most have none

    try:
        return Scripts(sieve, has_mailboxes=settings.sent.server is not None)
    except OSError as error:
        raise CannotStart(f"Sieve scripts cannot be read: {error}") from error


def build_sent(settings: Settings) -> SentCopies | None:
    """What puts copies into Sent, if anybody may have them. Raises CannotStart."""
    there = settings.sent.server
    if there is None:
        return None
    from gsubmit.sent.build import sent_copies  # noqa: PLC0415 - most have none

    return sent_copies(there, settings.sent, _context(settings, there), settings.burl, settings.server.mail_temp_dir)


def build_proxy(settings: Settings) -> LoginProxy:
    """What logs users in at other servers."""
    make_context = cache(lambda verify: client_context(settings.ssl, verify=verify))
    return LoginProxy(settings.proxy, settings.server.hostname, Itself.of(settings), make_context)


def redis_state(settings: Settings) -> RedisState | None:
    """What submission_state names, if it does; it connects when it is first asked. Raises CannotStart."""
    url = settings.auth.submission_state
    if url is None:
        return None
    from gsubmit.auth.state.redisstate import RedisState  # noqa: PLC0415 - takes long, and most have none

    try:
        return RedisState(url, client_context(settings.ssl, verify=True) if url.tls else None)
    except CertificateError as error:
        raise CannotStart(str(error)) from error


def login_state(settings: Settings, processes: Shared | None = None) -> LoginState:
    """Where failed logins and connections are counted; in a worker, which has no other process's, made after the fork.

    What other machines share comes first, then what all workers share, then this process. Raises CannotStart.
    """
    state: LoginState = LocalState()
    shared: SharedState | None = None
    if processes is not None and processes.state is not None:
        shared = SharedState(processes.state.path, processes.logins, processes.number)
        state = StateWithFallback(shared, "the state of all workers", state)
    redis = redis_state(settings)
    if redis is not None:
        state = StateWithFallback(redis, f"submission_state {settings.auth.submission_state}", state, shared)
    return state


def build_service(settings: Settings, logins: Logins | None = None, shared: Shared | None = None) -> Service:
    """Everything that sessions share. Raises CannotStart, or SettingsError for bad passdb args or backends.

    `logins` are those of the service before, so that a reload forgives no failures, or those of a worker; `shared` is
    what it has in common with others.
    """
    named_targets(settings)
    slots = shared.slots if shared is not None else None
    try:
        secret = shared.ticket_secret if shared is not None else b""
        tls = ServerTls(settings, secret) if settings.ssl.ssl != "no" else None
    except CertificateError as error:
        raise CannotStart(str(error)) from error
    if tls is not None and not openssl.is_reachable():
        _log.warning("OpenSSL cannot be asked in this Python: TLS clients that send no data can hold up all others")
    mechanisms = {name.upper(): MECHANISMS[name.upper()] for name in settings.auth.auth_mechanisms}
    if tls is not None and any(mechanism.binds for mechanism in mechanisms.values()):
        exporter.is_reliable()  # found out now rather than in the first login
    logins = logins or Logins(login_state(settings))
    return Service(
        settings=settings,
        chain=build_chain(settings),
        mechanisms=mechanisms,
        relay=build_relay(settings, slots),
        tls=tls,
        proxy=build_proxy(settings),
        resolver=build_resolver(settings, logins.state, slots),
        logins=logins,
        fixups=build_fixups(settings),
        senders=build_senders(settings),
        sent=build_sent(settings),
        scripts=build_scripts(settings),
        relays={one.name: build_relay(settings, slots, one.relay) for one in settings.submission.plugins.relays},
    )


def with_plugins(service: Service) -> Service:
    """The same with its plugins, which are loaded by the user that serves. Raises SettingsError."""
    plugins = load_plugins(service.settings.submission.plugins.blocks)
    return replace(service, plugins=replace(plugins, passes=(*plugins.passes, Interrupted, TimedOut)))
