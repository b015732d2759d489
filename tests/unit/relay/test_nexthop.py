"""How to speak to the relay."""

from __future__ import annotations

import pytest

from gsubmit.dial.nexthop import NextHop
from gsubmit.settings.relay import RelayLogin


@pytest.mark.parametrize(
    ("host", "text", "tls_name", "unix_path"),
    [
        pytest.param("mx.example.org", "mx.example.org:25", "mx.example.org", "", id="name"),
        pytest.param("192.0.2.1", "192.0.2.1:25", "192.0.2.1", "", id="IPv4"),
        pytest.param("::1", "[::1]:25", "::1", "", id="IPv6"),
        pytest.param("mx.example.org.", "mx.example.org.:25", "mx.example.org", "", id="name with its last dot"),
        pytest.param("fe80::1%eth0", "[fe80::1%eth0]:25", "fe80::1", "", id="IPv6 with its scope"),
        pytest.param("unix:/run/mx", "unix:/run/mx", "localhost", "/run/mx", id="unix socket"),
        pytest.param("unix.example.org", "unix.example.org:25", "unix.example.org", "", id="a name like it"),
    ],
)
def test_place(host: str, text: str, tls_name: str, unix_path: str) -> None:
    hop = NextHop(host, 25, "msa.example.org")
    assert (str(hop), hop.tls_name, hop.unix_path) == (text, tls_name, unix_path)


def test_password_is_not_shown() -> None:
    assert "hunter2" not in repr(NextHop("mx", 25, "msa", login=RelayLogin("u", password="hunter2")))
