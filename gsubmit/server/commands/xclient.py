"""XCLIENT: a front end says whose connection it is (XCL-6 to XCL-10)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gsubmit.server import journal
from gsubmit.server.endpoints import MAX_TTL
from gsubmit.server.session import UNGREETED, Session
from gsubmit.smtp.reply import Reply
from gsubmit.smtp.xclient import Told, read_xclient


def told(_: Session, argument: str) -> Told:
    """What it says, as values."""
    return read_xclient(argument)


def xclient(session: Session, told: Told) -> Reply:
    """The session is that client's from now on, and at its greeting; LOGIN is for the log, and never a login.

    Lines that follow each other add up, for long ones are split. What the first after EHLO leaves out is unknown
    (XCL-8), but for the addresses and the id, which stay until others are said.
    """
    ends = replace(session.ends, peer_ip=session.ends.real_ip)
    if session.greeting is not UNGREETED or not session.ends.peer_ip:
        ends = replace(ends, remote_port=0, helo="", proto="", transport="", forward={})
    said: dict[str, Any] = {
        "remote_ip": told.addr,
        "remote_port": told.port,
        "local_ip": told.destaddr,
        "local_port": told.destport,
        "authority": told.destname,
        "helo": told.helo,
        "proto": told.proto,
        "ttl": None if told.ttl is None else min(told.ttl, MAX_TTL),
        "transport": told.transport,
        "forward": told.forward,
    }
    ends = replace(ends, **{name: value for name, value in said.items() if value is not None})
    session.introduce(ends, told.session or session.id)
    if told.login:
        journal.introduced(session, told.login)
    return session.service.greeting
