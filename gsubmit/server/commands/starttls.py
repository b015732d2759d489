"""STARTTLS (RFC 3207)."""

from __future__ import annotations

from gsubmit.metrics import current
from gsubmit.metrics.figures import FAILED_TLS_HANDSHAKES, TLS_HANDSHAKES, TLS_VERSIONS
from gsubmit.server.session import Session
from gsubmit.server.wire import Closed, TimedOut
from gsubmit.smtp.replies import START_TLS

HANDSHAKE_TIME = 30.0  # seconds


def starttls(session: Session, _: str) -> None:
    """Go over to TLS and start over: nothing that came in clear text counts any more (RFC 3207 4.2)."""
    session.wire.send(START_TLS)
    begin_tls(session)
    session.restart()


def begin_tls(session: Session) -> None:
    """The handshake, here and at the start of implicit TLS (RFC 8314 3.3)."""
    assert session.service.tls is not None
    try:
        session.wire.start_tls(session.service.tls.context(session.ends.local_ip), HANDSHAKE_TIME)
    except (Closed, TimedOut):
        current.row[FAILED_TLS_HANDSHAKES.at()] += 1
        raise
    assert session.wire.tls is not None
    version = session.wire.tls.version()
    current.row[TLS_HANDSHAKES.at(version if version in TLS_VERSIONS else "other")] += 1
