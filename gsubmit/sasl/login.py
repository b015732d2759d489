"""LOGIN: no RFC, an expired draft and the practice of mail clients."""

from __future__ import annotations

from gsubmit.sasl.claims import Authority, Cleartext
from gsubmit.sasl.mechanism import Channel, Exchange, Mechanism


def login(authority: Authority, _: Channel) -> Exchange:
    """Two prompts. Clients compare them, so they are these two strings exactly."""
    name = yield b"Username:"
    password = yield b"Password:"
    return authority.verify(Cleartext.from_octets(b"", name, password))


# The draft has the server speak first, but many clients send the user name as initial response.
LOGIN = Mechanism("LOGIN", login, cleartext=True)
