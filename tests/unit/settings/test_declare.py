from pathlib import Path
from typing import Any

import pytest

from gsubmit.settings import kinds
from gsubmit.settings.declare import FileContent, ValueType
from gsubmit.settings.kinds import enum, template, word_list

ONE_LINE = "-----BEGIN X----- AAAA BBBB -----END X----- -----BEGIN RSA Y----- CC== -----END RSA Y-----"
LINES = "-----BEGIN X-----\nAAAA\nBBBB\n-----END X-----\n-----BEGIN RSA Y-----\nCC==\n-----END RSA Y-----\n"


@pytest.mark.parametrize(
    ("value_type", "text", "expected"),
    [
        (kinds.boolean, "yes", True),
        (kinds.boolean, "Y", True),
        (kinds.boolean, "1", True),
        (kinds.boolean, "TRUE", True),
        (kinds.boolean, "no", False),
        (kinds.boolean, "0", False),
        (kinds.seconds, "30 secs", 30.0),
        (kinds.seconds, "30s", 30.0),
        (kinds.seconds, "5 SECONDS", 5.0),
        (kinds.seconds, "2 m", 120.0),
        (kinds.seconds, "2 mi", 120.0),
        (kinds.seconds, "1 hour", 3600.0),
        (kinds.seconds, "2 d", 172800.0),
        (kinds.seconds, "1 week", 604800.0),
        (kinds.seconds, "500ms", 0.5),
        (kinds.seconds, "5 msecs", 0.005),
        (kinds.seconds, "5 milliseconds", 0.005),
        (kinds.seconds, "0", 0.0),
        (kinds.positive_seconds, "1 ms", 0.001),
        (kinds.size, "0", 0),
        (kinds.size, "unlimited", 0),
        (kinds.size, "1000", 1000),
        (kinds.size, "40B", 40),
        (kinds.size, "128k", 128 << 10),
        (kinds.size, "40M", 40 << 20),
        (kinds.size, "40 MB", 40 << 20),
        (kinds.size, "40mib", 40 << 20),
        (kinds.size, "2G", 2 << 30),
        (kinds.size, "1 T", 1 << 40),
        (kinds.uint, "007", 7),
        (kinds.port, "65535", 65535),
        (kinds.port_or_none, "0", 0),
        (kinds.string, "é # \\", "é # \\"),
        (kinds.host, "", ""),
        (kinds.host, "2001:db8::1", "2001:db8::1"),
        (kinds.path, "", ""),
        (kinds.path, "/tmp", "/tmp"),
        (kinds.log_place, "syslog", "syslog"),
        (kinds.log_place, "/dev/stderr", "/dev/stderr"),
        (kinds.ciphers, "ECDHE+AESGCM", "ECDHE+AESGCM"),
        (kinds.words, "", ()),
        (kinds.words, " a, b,c  d ,", ("a", "b", "c", "d")),
        (kinds.pem, ONE_LINE, LINES),
        (kinds.pem, LINES, LINES),
        (enum("a", "b"), "b", "b"),
        (word_list(("plain", "login")), "LOGIN plain", ("login", "plain")),
        (template(("input",)), "%i %{input|upper} %%", "%i %{input|upper} %%"),
    ],
)
def test_read(value_type: ValueType[Any], text: str, expected: object) -> None:
    value = value_type.read(text)
    assert value == expected
    assert type(value) is type(expected) or isinstance(value, FileContent)


@pytest.mark.parametrize(
    ("value_type", "text", "message"),
    [
        (kinds.boolean, "", "expected yes or no, not ''"),
        (kinds.boolean, "on", "expected yes or no, not 'on'"),
        (kinds.seconds, "", "expected a time such as 30 secs, 5 mins or 500 ms, not ''"),
        (kinds.seconds, "30", "expected a unit after '30', such as '30 secs'"),
        (kinds.seconds, "-2 s", "expected a time such as"),
        (kinds.seconds, "1.5 s", "expected a time such as"),
        (kinds.seconds, "infinite", "expected a time such as"),
        (kinds.seconds, "5 foo", "expected a time in ms, secs"),
        (kinds.positive_seconds, "0", "expected a time longer than nothing, not '0'"),
        (kinds.size, "", "expected a size"),
        (kinds.size, "4X", "expected a size"),
        (kinds.size, "1.5M", "expected a size"),
        (kinds.size, "9" * 50, "expected a size"),
        (kinds.uint, "1x", "expected a whole number, not '1x'"),
        (kinds.uint, "٣", "expected a whole number"),
        (kinds.port, "0", "expected a port number (1-65535), not '0'"),
        (kinds.port, "smtp", "expected a port number"),
        (kinds.port_or_none, "65536", "expected a port number (0-65535)"),
        (kinds.string, "a\r\nb", "expected one line without control characters"),
        (kinds.host, "a b", "expected the name or the address of a host, not 'a b'"),
        (kinds.path, "tmp", "expected an absolute path, not 'tmp'"),
        (kinds.log_place, "stderr", "expected an absolute path, syslog or journal"),
        (kinds.ciphers, "NONSENSE", "expected ciphers that OpenSSL knows"),
        (kinds.pem, "/etc/cert.pem", "put '<' before its path"),
        (enum("a", "b", "c"), "d", "expected a, b or c, not 'd'"),
        (word_list(("plain",), "Unknown mechanism"), "plain x", "Unknown mechanism: x; available: plain"),
        (template(("input",)), "%x", "unknown variable %{x}; known here: input"),
    ],
)
def test_refuse(value_type: ValueType[Any], text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        value_type.read(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value_type", "value", "text"),
    [
        (kinds.boolean, True, "yes"),
        (kinds.seconds, 0.0, "0 secs"),
        (kinds.seconds, 0.5, "500 ms"),
        (kinds.seconds, 90.0, "90 secs"),
        (kinds.seconds, 1740.0, "29 mins"),
        (kinds.seconds, 3600.0, "1 hour"),
        (kinds.seconds, 1209600.0, "2 weeks"),
        (kinds.size, 0, "0"),
        (kinds.size, 1000, "1000"),
        (kinds.size, 40 << 20, "40M"),
        (kinds.addresses, ("*", "::"), "*, ::"),
        (kinds.pem, FileContent("x", Path("/etc/cert.pem")), "</etc/cert.pem"),
        (kinds.pem, FileContent(LINES), ONE_LINE),
    ],
)
def test_show(value_type: ValueType[Any], value: object, text: str) -> None:
    assert value_type.show(value) == text
    if not text.startswith("<"):
        assert value_type.read(text) == value
