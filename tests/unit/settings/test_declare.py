from pathlib import Path
from typing import Any

import pytest

from gsubmit.settings import declare
from gsubmit.settings.declare import FileContent, ValueType, enum, template, word_list

ONE_LINE = "-----BEGIN X----- AAAA BBBB -----END X----- -----BEGIN RSA Y----- CC== -----END RSA Y-----"
LINES = "-----BEGIN X-----\nAAAA\nBBBB\n-----END X-----\n-----BEGIN RSA Y-----\nCC==\n-----END RSA Y-----\n"


@pytest.mark.parametrize(
    ("value_type", "text", "expected"),
    [
        (declare.boolean, "yes", True),
        (declare.boolean, "Y", True),
        (declare.boolean, "1", True),
        (declare.boolean, "TRUE", True),
        (declare.boolean, "no", False),
        (declare.boolean, "0", False),
        (declare.seconds, "30 secs", 30.0),
        (declare.seconds, "30s", 30.0),
        (declare.seconds, "5 SECONDS", 5.0),
        (declare.seconds, "2 m", 120.0),
        (declare.seconds, "2 mi", 120.0),
        (declare.seconds, "1 hour", 3600.0),
        (declare.seconds, "2 d", 172800.0),
        (declare.seconds, "1 week", 604800.0),
        (declare.seconds, "500ms", 0.5),
        (declare.seconds, "5 msecs", 0.005),
        (declare.seconds, "5 milliseconds", 0.005),
        (declare.seconds, "0", 0.0),
        (declare.positive_seconds, "1 ms", 0.001),
        (declare.size, "0", 0),
        (declare.size, "unlimited", 0),
        (declare.size, "1000", 1000),
        (declare.size, "40B", 40),
        (declare.size, "128k", 128 << 10),
        (declare.size, "40M", 40 << 20),
        (declare.size, "40 MB", 40 << 20),
        (declare.size, "40mib", 40 << 20),
        (declare.size, "2G", 2 << 30),
        (declare.size, "1 T", 1 << 40),
        (declare.uint, "007", 7),
        (declare.port, "65535", 65535),
        (declare.port_or_none, "0", 0),
        (declare.string, "é # \\", "é # \\"),
        (declare.host, "", ""),
        (declare.host, "2001:db8::1", "2001:db8::1"),
        (declare.path, "", ""),
        (declare.path, "/tmp", "/tmp"),
        (declare.log_place, "syslog", "syslog"),
        (declare.log_place, "/dev/stderr", "/dev/stderr"),
        (declare.ciphers, "ECDHE+AESGCM", "ECDHE+AESGCM"),
        (declare.words, "", ()),
        (declare.words, " a, b,c  d ,", ("a", "b", "c", "d")),
        (declare.pem, ONE_LINE, LINES),
        (declare.pem, LINES, LINES),
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
        (declare.boolean, "", "expected yes or no, not ''"),
        (declare.boolean, "on", "expected yes or no, not 'on'"),
        (declare.seconds, "", "expected a time such as 30 secs, 5 mins or 500 ms, not ''"),
        (declare.seconds, "30", "expected a unit after '30', such as '30 secs'"),
        (declare.seconds, "-2 s", "expected a time such as"),
        (declare.seconds, "1.5 s", "expected a time such as"),
        (declare.seconds, "infinite", "expected a time such as"),
        (declare.seconds, "5 foo", "expected a time in ms, secs"),
        (declare.positive_seconds, "0", "expected a time longer than nothing, not '0'"),
        (declare.size, "", "expected a size"),
        (declare.size, "4X", "expected a size"),
        (declare.size, "1.5M", "expected a size"),
        (declare.size, "9" * 50, "expected a size"),
        (declare.uint, "1x", "expected a whole number, not '1x'"),
        (declare.uint, "٣", "expected a whole number"),
        (declare.port, "0", "expected a port number (1-65535), not '0'"),
        (declare.port, "smtp", "expected a port number"),
        (declare.port_or_none, "65536", "expected a port number (0-65535)"),
        (declare.string, "a\r\nb", "expected one line without control characters"),
        (declare.host, "a b", "expected the name or the address of a host, not 'a b'"),
        (declare.path, "tmp", "expected an absolute path, not 'tmp'"),
        (declare.log_place, "stderr", "expected an absolute path, or syslog"),
        (declare.ciphers, "NONSENSE", "expected ciphers that OpenSSL knows"),
        (declare.pem, "/etc/cert.pem", "put '<' before its path"),
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
        (declare.boolean, True, "yes"),
        (declare.seconds, 0.0, "0 secs"),
        (declare.seconds, 0.5, "500 ms"),
        (declare.seconds, 90.0, "90 secs"),
        (declare.seconds, 1740.0, "29 mins"),
        (declare.seconds, 3600.0, "1 hour"),
        (declare.seconds, 1209600.0, "2 weeks"),
        (declare.size, 0, "0"),
        (declare.size, 1000, "1000"),
        (declare.size, 40 << 20, "40M"),
        (declare.addresses, ("*", "::"), "*, ::"),
        (declare.pem, FileContent("x", Path("/etc/cert.pem")), "</etc/cert.pem"),
        (declare.pem, FileContent(LINES), ONE_LINE),
    ],
)
def test_show(value_type: ValueType[Any], value: object, text: str) -> None:
    assert value_type.show(value) == text
    if not text.startswith("<"):
        assert value_type.read(text) == value
