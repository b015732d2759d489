"""Ports that somebody else has."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gsubmit.app import sockets
from gsubmit.app.build import CannotStart
from gsubmit.app.sockets import bind_all
from gsubmit.settings.blocks import InetListener, ServiceSettings
from gsubmit.settings.sections import Settings
from tests.harness.loading import load_text
from tests.harness.ports import free_port


@pytest.fixture
def taken() -> Iterator[int]:
    """A port where somebody listens, as an MTA does on 465."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def settings(*listeners: InetListener) -> Settings:
    loaded = load_text("ssl = no\nlisten = 127.0.0.1\n").settings
    return replace(loaded, services=ServiceSettings(listeners))


def test_a_port_that_nobody_asked_for_may_be_in_use(taken: int) -> None:
    asked, extra = InetListener("submission", port=free_port()), InetListener("extra", port=taken, is_extra=True)
    bound, warnings = bind_all(settings(asked, extra))
    for one in bound:
        one.sock.close()
    assert [one.name for one in bound] == ["submission 127.0.0.1"]
    assert warnings == [f"not on 127.0.0.1 port {taken}, which no inet_listener names: it is in use"]


def test_a_port_that_is_asked_for_must_be_free(taken: int) -> None:
    with pytest.raises(CannotStart, match=f"cannot listen on 127.0.0.1 port {taken}: Address already in use"):
        bind_all(settings(InetListener("submission", port=taken)))


def test_other_reasons_are_none_to_go_on() -> None:
    elsewhere = InetListener("extra", address=("192.0.2.1",), port=free_port(), is_extra=True)
    with pytest.raises(CannotStart, match="Cannot assign requested address"):
        bind_all(settings(elsewhere))


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EADDRINUSE, ""),
        (
            errno.EACCES,
            "; start as root with default_internal_user, or give CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities)",
        ),
    ],
)
def test_why_and_what_to_do(monkeypatch: pytest.MonkeyPatch, number: int, advice: str) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sockets, "bind", refuse)
    with pytest.raises(CannotStart) as caught:
        sockets.bind_all(settings(InetListener("submission", port=587)))
    assert str(caught.value) == f"cannot listen on 127.0.0.1 port 587: {os.strerror(number)}{advice}"
