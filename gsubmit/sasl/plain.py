"""PLAIN (RFC 4616)."""

from __future__ import annotations

from gsubmit.sasl.claims import Authority, Cleartext, MalformedResponse, octets_of
from gsubmit.sasl.client import ClientExchange, ClientMechanism, Login
from gsubmit.sasl.mechanism import Channel, Exchange, Mechanism


def plain(authority: Authority, _: Channel) -> Exchange:
    """One message: `[authzid] NUL authcid NUL passwd`."""
    response = yield b""
    fields = response.split(b"\0")
    if len(fields) != 3:
        raise MalformedResponse("not two NULs")
    return authority.verify(Cleartext.from_octets(*fields))


def plain_client(who: Login) -> ClientExchange:
    """The same from the other side."""
    yield octets_of(f"{who.authorization_id}\0{who.authentication_id}\0{who.password}")


PLAIN = Mechanism("PLAIN", plain, Cleartext, cleartext=True)
PLAIN_CLIENT = ClientMechanism("PLAIN", plain_client, client_first=True, is_cleartext=True)
