"""resolv.conf, however bad: there is a resolver, and a line of the log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gsubmit.net.resolvconf import LOCAL_SERVER, MAX_SERVERS, SERVER_TIME, resolver


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        pytest.param(b"nameserver 192.0.2.1\n", ["192.0.2.1"], id="plain"),
        pytest.param(b"nameserver\t2001:db8::1 # ours\r\n", ["2001:db8::1"], id="IPv6, tab, comment, CR"),
        pytest.param(b"nameserver fe80::1%lo\n", ["fe80::1%lo"], id="scope"),
        pytest.param(b"nameserver 0.0.0.0\nnameserver ::", ["127.0.0.1", "::1"], id="this machine"),
        pytest.param(b"", [LOCAL_SERVER], id="empty"),
        pytest.param(b"# nothing\n; at all\n\n   \n", [LOCAL_SERVER], id="comments"),
        pytest.param(b"nameserver localhost\n", [LOCAL_SERVER], id="a name"),
        pytest.param(b"nameserver\n", [LOCAL_SERVER], id="no address"),
        pytest.param(b"nameserver https://192.0.2.1/dns-query\n", [LOCAL_SERVER], id="a URL"),
        pytest.param(b"nameserver 192.0.2.1:53\n", [LOCAL_SERVER], id="a port"),
        pytest.param(b"nameserver x\nnameserver 192.0.2.1\nnameserver 300.1.1.1", ["192.0.2.1"], id="bad beside good"),
        pytest.param(b"search bad..name\nnameserver 192.0.2.1", ["192.0.2.1"], id="bad search list"),
        pytest.param(b"domain " + b"x" * 64 + b"\nnameserver 192.0.2.1", ["192.0.2.1"], id="bad domain"),
        pytest.param(b"search \xff\xfe \xed\xa0\x80\nnameserver 192.0.2.1", ["192.0.2.1"], id="octets"),
        pytest.param(bytes(range(256)) * 40, [LOCAL_SERVER], id="binary"),
        pytest.param(b"\0" * 1000, [LOCAL_SERVER], id="NUL"),
        pytest.param(b"nameserver 192.0.2.1\n" + b"#" * 10_000_000, ["192.0.2.1"], id="huge"),
        pytest.param(
            b"".join(b"nameserver 192.0.2.%d\n" % number for number in range(1, 10)),
            [f"192.0.2.{number}" for number in range(1, MAX_SERVERS + 1)],
            id="more than glibc asks",
        ),
    ],
)
def test_name_servers(resolv_conf: Path, text: bytes, servers: list[str]) -> None:
    resolv_conf.write_bytes(text)
    assert resolver().nameservers == servers


def test_no_file_to_read(resolv_conf: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert resolver().nameservers == [LOCAL_SERVER]
    resolv_conf.mkdir()
    assert resolver().nameservers == [LOCAL_SERVER]
    resolv_conf.rmdir()
    os.mkfifo(resolv_conf)
    assert resolver().nameservers == [LOCAL_SERVER]
    assert [record.getMessage().removeprefix(f"{resolv_conf}: ") for record in caplog.records] == [
        "No such file or directory; the name server asked is 127.0.0.1",
        "not a regular file; the name server asked is 127.0.0.1",
        "not a regular file; the name server asked is 127.0.0.1",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(resolv_conf: Path, caplog: pytest.LogCaptureFixture) -> None:
    resolv_conf.write_text("nameserver 192.0.2.1\n")
    resolv_conf.chmod(0)
    assert resolver().nameservers == [LOCAL_SERVER]
    assert "Permission denied" in caplog.text


def test_bad_lines_are_one_line_of_the_log(resolv_conf: Path, caplog: pytest.LogCaptureFixture) -> None:
    resolv_conf.write_bytes(b"nameserver localhost\nsearch bad..name\nhello\n\x1b[2J" + b"x" * 1000 + b"\nworld\n")
    resolver()
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{resolv_conf}: lines passed over: 'nameserver localhost', 'search bad..name', 'hello' and 2 more"
    )


def test_good_lines_are_none(resolv_conf: Path, caplog: pytest.LogCaptureFixture) -> None:
    resolv_conf.write_text(
        "nameserver 192.0.2.1\nsearch a.example b.example\nsortlist 192.0.2.0\noptions inet6 trust-ad timeout:1\n"
    )
    made = resolver()
    assert [name.to_text() for name in made.search] == ["a.example.", "b.example."]
    assert made.timeout == 1
    assert not caplog.records


@pytest.mark.parametrize("option", ["timeout:0", "timeout:-1", "timeout:x", "timeout", "timeout:31", "timeout:9" * 999])
def test_senseless_timeouts(resolv_conf: Path, option: str) -> None:
    resolv_conf.write_text(f"nameserver 192.0.2.1\noptions {option}\n")
    assert resolver().timeout == SERVER_TIME


@pytest.mark.parametrize("option", ["ndots:-1", "ndots:x", "ndots:16", "ndots:"])
def test_senseless_ndots(resolv_conf: Path, option: str) -> None:
    resolv_conf.write_text(f"options {option} rotate\n")
    made = resolver()
    assert made.ndots is None
    assert made.rotate
