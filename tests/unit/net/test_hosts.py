"""The hosts file, whatever its octets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gsubmit.net.hosts import in_hosts_file


@pytest.mark.parametrize(
    ("line", "addresses"),
    [
        pytest.param(b"192.0.2.1 mx.example", ["192.0.2.1"], id="plain"),
        pytest.param(b"192.0.2.1\tmx.example\r\n", ["192.0.2.1"], id="line end of another system"),
        pytest.param(b"192.0.2.1 mx.example # caf\xe9", ["192.0.2.1"], id="Latin-1 in a comment"),
        pytest.param(b"\xff\xfe\0\x80\n192.0.2.1 \xe9 mx.example \x85", ["192.0.2.1"], id="names that are no text"),
        pytest.param(b"192.0.2.1 x\xc2\xa0mx.example", [], id="no-break space is no blank"),
        pytest.param(b"192.0.2.1 a\x0b\xe2\x80\xa8\n192.0.2.2 mx.example", ["192.0.2.2"], id="no line end but LF"),
        pytest.param(b"fe80::1%lo mx.example", ["fe80::1%lo"], id="scope"),
        pytest.param(b"mx.example other.example\n192.0.2.1", [], id="no address"),
        pytest.param(b"nowhere mx.example\n192.0.2.1 mx.example", ["192.0.2.1"], id="a word that is no address"),
        pytest.param(b"\xe9 mx.example", [], id="octets that are no address"),
        pytest.param(b"192.0.2.1 mx.example.org notmx.example", [], id="part of another name"),
        pytest.param(b"\0" * 100, [], id="NUL"),
    ],
)
def test_line(hosts: Path, line: bytes, addresses: list[str]) -> None:
    hosts.write_bytes(b"127.0.0.1 localhost\n" + line)
    assert in_hosts_file("mx.example") == addresses


@pytest.mark.parametrize("name", ["mx.example.", "MX.EXAMPLE", "Mx.Example."])
def test_writings_of_the_name(hosts: Path, name: str) -> None:
    hosts.write_text("192.0.2.1 mx.example\n")
    assert in_hosts_file(name) == ["192.0.2.1"]


@pytest.mark.parametrize("name", ["", ".", "\udcff", "é", "\0", "a b", "192.0.2.1"])
def test_no_name(hosts: Path, name: str) -> None:
    hosts.write_text("192.0.2.1 mx.example a b # \n")
    assert in_hosts_file(name) == []


def test_a_name_that_is_no_ascii(hosts: Path) -> None:
    hosts.write_text("192.0.2.1 bücher.example\n")
    assert in_hosts_file("bücher.example") == ["192.0.2.1"]


def test_no_file_to_read(hosts: Path) -> None:
    assert in_hosts_file("mx.example") == []
    os.mkfifo(hosts)
    assert in_hosts_file("mx.example") == []
    hosts.unlink()
    hosts.mkdir()
    assert in_hosts_file("mx.example") == []
