"""Opening a connection to the relay: address, greeting, TLS, EHLO, XCLIENT, login, in this order (RLY-2)."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Collection, Iterator

from gsubmit.net.addresses import Addresses
from gsubmit.net.resolve import LookupFailed
from gsubmit.relay.answer import KeywordRefused, RelayFailed
from gsubmit.relay.connection import RelayConnection
from gsubmit.relay.nexthop import NextHop
from gsubmit.relay.xclient import ClientFacts, xclient_lines
from gsubmit.sasl.client import ClientMechanism, Login, LoginFailed, answer, best, conclude
from gsubmit.smtp.address import is_host_name
from gsubmit.smtp.replies import RELAY_NAME_UNKNOWN, RELAY_REFUSES_US, RELAY_UNREACHABLE
from gsubmit.smtp.reply import Reply

# It does not know the command. Whoever refuses what we said of the client gets no mail: under a false name it would be
# judged by rules that are not meant for it.
_NO_XCLIENT = frozenset({500, 502, 504})
MAX_INITIAL_RESPONSE = 510  # longer AUTH lines go without initial response, RFC 4954 4


def open_connection(
    hop: NextHop, addresses: Addresses, client: ClientFacts | None, left_out: Collection[str] = ()
) -> RelayConnection:
    """A connection that is ready for MAIL on behalf of `client`, without the EHLO keywords `left_out`.

    Raises RelayFailed, KeywordRefused among it.
    """
    connection = _reach(hop, addresses, left_out)
    try:
        connection.settimeout(hop.connect_timeout)
        connection.hello(hop.hostname)
        if hop.tls == "starttls":
            _start_tls(connection)
            connection.hello(hop.hostname)
        introduce(connection, client)
    except BaseException:
        connection.close()
        raise
    connection.settimeout(hop.command_timeout)
    return connection


def introduce(connection: RelayConnection, client: ClientFacts | None) -> None:
    """Tell a trusting relay who the client is, and log in. Raises RelayFailed."""
    if client is not None and connection.hop.trusted:
        _tell_client(connection, client)
    if connection.hop.user:
        _log_in(connection)


def _reach(hop: NextHop, addresses: Addresses, left_out: Collection[str]) -> RelayConnection:
    """A connection to the first address that greets us, all of them together within the connect timeout."""
    failures = []
    for address, patience in _candidates(hop, addresses):
        connection = RelayConnection(hop, address, left_out)
        try:
            connection.open(patience)
        except RelayFailed as failed:
            connection.close()
            addresses.failed(address)
            failures.append(failed)
        except BaseException:
            connection.close()
            raise
        else:
            addresses.worked(address)
            return connection
    why = "; ".join(failed.why for failed in failures)
    raise RelayFailed(failures[-1].reply, why)


def _candidates(hop: NextHop, addresses: Addresses) -> Iterator[tuple[str, float]]:
    """Where to try, and for how many seconds."""
    if hop.unix_path:
        yield hop.unix_path, hop.connect_timeout
        return
    try:
        yield from addresses.to_try(hop.connect_timeout)
    except LookupFailed as failed:
        raise RelayFailed(RELAY_NAME_UNKNOWN, str(failed)) from failed


def _start_tls(connection: RelayConnection) -> None:
    """Required when it is configured: never a fall back to clear text (RLY-3)."""
    if "STARTTLS" not in connection.capabilities:
        raise RelayFailed(RELAY_UNREACHABLE, f"{connection} does not offer STARTTLS")
    reply = connection.ask("STARTTLS")
    if reply.code != 220:
        raise RelayFailed(RELAY_UNREACHABLE, f"{connection} answered STARTTLS with: {reply}")
    connection.wrap()


def _tell_client(connection: RelayConnection, client: ClientFacts) -> None:
    """XCLIENT, and the EHLO that the client said, for the relay would take ours for its name (XCL-7)."""
    attributes = connection.capabilities.keywords.get("XCLIENT")
    if attributes is None:
        if connection.client is not None:  # it is taken for another client, and stays so
            raise RelayFailed(RELAY_REFUSES_US, f"{connection} takes no second XCLIENT")
        return
    for line in xclient_lines(client, attributes.split()):
        connection.command(line)
        connection.flush()
        reply = connection.read_reply()
        if reply.code != 220:
            why = f"{connection} answered XCLIENT with: {reply}"
            if reply.code in _NO_XCLIENT and connection.client is None:
                raise KeywordRefused(RELAY_REFUSES_US, why, "XCLIENT")
            raise RelayFailed(RELAY_REFUSES_US, why, lost=reply.code == 421)
    connection.client = client
    connection.hello(client.helo if is_host_name(client.helo) else connection.hop.hostname)


def _log_in(connection: RelayConnection) -> None:
    hop = connection.hop
    if not (connection.tls_version or hop.auth_cleartext or hop.trusted or _is_here(connection)):
        why = "no password without TLS to another machine, unless submission_relay_auth_cleartext = yes"
        raise RelayFailed(RELAY_REFUSES_US, f"{connection}: {why}")
    try:
        who = Login(hop.master_user or hop.user, hop.user if hop.master_user else "", hop.password)
        mechanism = best(connection.capabilities.mechanisms, has_authorization_id=bool(who.authorization_id))
        if mechanism is None:
            raise RelayFailed(RELAY_REFUSES_US, f"{connection} offers no mechanism to log in with")
        reply = _converse(connection, mechanism, who)
    except LoginFailed as failed:
        raise RelayFailed(RELAY_REFUSES_US, f"login at {connection}: {failed}") from failed
    if reply.code == 503 and connection.client is not None and connection.client.login:
        return  # Postfix takes XCLIENT's LOGIN for a login
    if reply.code != 235:
        said = str(reply).replace(hop.password, "<secret>")
        raise RelayFailed(RELAY_REFUSES_US, f"{connection} refused our login with {mechanism.name}: {said}")


def _converse(connection: RelayConnection, mechanism: ClientMechanism, who: Login) -> Reply:
    """Carry challenges and responses; the relay's last word."""
    exchange = mechanism.start(who)
    response = _encoded(next(exchange))
    line = f"AUTH {mechanism.name} {response}"
    if mechanism.client_first and len(line) <= MAX_INITIAL_RESPONSE:
        reply = connection.ask(line)
    else:
        reply = connection.ask(f"AUTH {mechanism.name}")
        if reply.code == 334:
            reply = connection.ask(response, secret=True)
    while reply.code == 334:
        try:
            response = _encoded(answer(exchange, a2b_base64(reply.text, strict_mode=True)))
        except (LoginFailed, Base64Error) as failed:
            connection.ask("*")
            raise failed if isinstance(failed, LoginFailed) else LoginFailed("malformed challenge") from failed
        reply = connection.ask(response, secret=True)
    if reply.code == 235:
        conclude(exchange)
    # Some servers repeat what they did not like.
    return Reply(reply.code, reply.status, reply.text.replace(response, "<secret>") if response else reply.text)


def _encoded(response: bytes) -> str:
    return b64encode(response).decode("ascii")


def _is_here(connection: RelayConnection) -> bool:
    """Whether the relay is on this machine."""
    return bool(connection.hop.unix_path) or ipaddress.ip_address(connection.address).is_loopback
