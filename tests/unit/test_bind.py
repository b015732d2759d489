"""Where a listening socket is bound."""

from __future__ import annotations

import errno
import socket

import pytest

from gsubmit.app.sockets import bind


@pytest.mark.parametrize(
    ("address", "bound"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("*", "0.0.0.0"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("::", "::"),
        ("localhost", "127.0.0.1"),
    ],
)
def test_bind(address: str, bound: str) -> None:
    sock = bind(address, 0)
    assert sock.getsockname()[0] == bound
    sock.close()


@pytest.mark.parametrize("address", ["fe80::9999%lo", "[fe80::9999%lo]"])
def test_scope_reaches_the_kernel(address: str) -> None:
    """Without it a link-local address would be EINVAL; here it is just not ours."""
    with pytest.raises(OSError) as caught:
        bind(address, 0)
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_no_such_interface() -> None:
    with pytest.raises(socket.gaierror) as caught:
        bind("fe80::1%nowhere", 0)
    assert caught.value.strerror
