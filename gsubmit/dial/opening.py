"""Opening a connection to another SMTP server: address, greeting, TLS, EHLO, XCLIENT, login, in this order (RLY-2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from gsubmit.dial.answer import KeywordRefused, RelayFailed
from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.login import log_in
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.xclient import ClientFacts, xclient_lines
from gsubmit.net.addresses import Addresses
from gsubmit.net.resolve import LookupFailed
from gsubmit.smtp.address import is_host_name
from gsubmit.smtp.replies import RELAY_NAME_UNKNOWN, RELAY_REFUSES_US, RELAY_UNREACHABLE

# It does not know the command. Whoever refuses what we said of the client gets no mail: under a false name it would be
# judged by rules that are not meant for it.
_NO_XCLIENT = frozenset({500, 502, 504})


def open_connection(
    hop: NextHop,
    addresses: Addresses,
    client: ClientFacts | None,
    left_out: Collection[str] = (),
    make: Callable[[NextHop, str, Collection[str]], RelayConnection] = RelayConnection,
) -> RelayConnection:
    """A connection that is ready for MAIL on behalf of `client`, without the EHLO keywords `left_out`.

    `make` makes one that is not open yet. Raises RelayFailed, KeywordRefused among it.
    """

    def made(address: str) -> RelayConnection:
        connection = make(hop, address, left_out)
        connection.write_rawlog(client.session if client is not None else "")
        return connection

    connection = _reach(hop, addresses, made)
    try:
        connection.timeout_now = hop.connect_timeout
        connection.hello(hop.hostname)
        if hop.tls == "starttls":
            _start_tls(connection)
            connection.hello(hop.hostname)
        introduce(connection, client)
    except BaseException:
        connection.close()
        raise
    connection.timeout_now = hop.command_timeout
    return connection


def introduce(connection: RelayConnection, client: ClientFacts | None) -> None:
    """Tell a trusting relay who the client is, and log in. Raises RelayFailed."""
    if client is not None and connection.hop.trusted:
        _tell_client(connection, client)
    if connection.hop.login.user:
        log_in(connection, connection.hop.login)


def _reach(hop: NextHop, addresses: Addresses, make: Callable[[str], RelayConnection]) -> RelayConnection:
    """A connection to the first address that greets us, all of them together within the connect timeout."""
    failures = []
    for address, seconds in _candidates(hop, addresses):
        connection = make(address)
        try:
            connection.open(seconds)
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
    raise RelayFailed(failures[-1].reply, why, said=failures[-1].said) from failures[-1].__cause__


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
        raise RelayFailed(RELAY_UNREACHABLE, f"{connection} answered STARTTLS with: {reply}", said=reply)
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
                raise KeywordRefused(RELAY_REFUSES_US, why, "XCLIENT", reply)
            raise RelayFailed(RELAY_REFUSES_US, why, said=reply, lost=reply.code == 421)
    connection.client = client
    connection.hello(client.helo if is_host_name(client.helo) else connection.hop.hostname)
