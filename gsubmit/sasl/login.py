"""LOGIN: no RFC, an expired draft and the practice of mail clients."""

from __future__ import annotations

from gsubmit.sasl.claims import Authority, Cleartext, octets_of
from gsubmit.sasl.client import ClientExchange, ClientMechanism, Login, LoginFailed
from gsubmit.sasl.mechanism import Channel, Exchange, Mechanism


def login(authority: Authority, _: Channel) -> Exchange:
    """Two prompts. Clients compare them, so they are these two strings exactly."""
    name = yield b"Username:"
    password = yield b"Password:"
    return authority.verify(Cleartext.from_octets(b"", name, password))


def login_client(who: Login) -> ClientExchange:
    """Two answers. The words of the prompts differ between servers and mean nothing (LGN-2 of docs/rules.md)."""
    if who.authorization_id:
        raise LoginFailed("LOGIN has no authorization id")
    yield who.authentication_id.encode()
    yield octets_of(who.password)


# The draft has the server speak first, but many clients send the user name as initial response.
LOGIN = Mechanism("LOGIN", login, Cleartext, cleartext=True)
LOGIN_CLIENT = ClientMechanism("LOGIN", login_client, client_first=False, has_authorization_id=False, is_cleartext=True)
