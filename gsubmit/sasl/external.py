"""EXTERNAL (RFC 4422 appendix A): the TLS client certificate has said already who it is."""

from __future__ import annotations

from gsubmit.sasl.claims import Authority, Denied, Proven, name_from
from gsubmit.sasl.mechanism import Channel, Exchange, Mechanism


def external(authority: Authority, channel: Channel) -> Exchange:
    """One message: the authorization id, mostly empty."""
    authorization_id = name_from((yield b""))
    if not channel.certificate_name:
        raise Denied("no valid client certificate")
    return authority.verify(Proven(channel.certificate_name, authorization_id=authorization_id))


EXTERNAL = Mechanism("EXTERNAL", external, Proven, is_possible=lambda channel: bool(channel.certificate_name))
