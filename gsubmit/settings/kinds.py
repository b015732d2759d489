"""The kinds of values that settings have: how each is read, and written again."""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Callable, Collection, Iterable
from ipaddress import ip_address, ip_network

from gsubmit.settings import variables
from gsubmit.settings.declare import FileContent, ValueType


def _wrong(expected: str, text: str) -> ValueError:
    return ValueError(f"expected {expected}, not '{text}'")


SHUTDOWN_TIME = 30.0  # seconds that `shutdown_clients = yes` stands for
YES, NO = ("yes", "y", "1", "true"), ("no", "n", "0", "false")


def _read_boolean(text: str) -> bool:
    word = text.lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise _wrong("yes or no", text)


# Seconds in a unit. The first letters of a unit's name are enough; "m" is the minute.
_TIME_UNITS = {
    "secs": 1.0, "seconds": 1.0, "mins": 60.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0, "weeks": 604800.0,
    "msecs": 0.001, "mseconds": 0.001, "millisecs": 0.001, "milliseconds": 0.001,
}  # fmt: skip


def _read_time(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,9})\s*([a-z]*)", text.lower())
    if not match:
        raise _wrong("a time such as 30 secs, 5 mins or 500 ms", text)
    number, unit = int(match[1]), match[2]
    if not unit:
        if number == 0:
            return 0.0
        raise ValueError(f"expected a unit after '{text}', such as '{text} secs'")
    for name, seconds in _TIME_UNITS.items():
        if name.startswith(unit):
            return number * seconds
    raise _wrong("a time in ms, secs, mins, hours, days or weeks", text)


def _read_positive_time(text: str) -> float:
    if not (duration := _read_time(text)):
        raise _wrong("a time longer than nothing", text)
    return duration


def _show_time(seconds: float) -> str:
    if seconds != int(seconds):
        return f"{round(seconds * 1000)} ms"
    for unit, length in (("weeks", 604800), ("days", 86400), ("hours", 3600), ("mins", 60)):
        if seconds and seconds % length == 0:
            number = int(seconds) // length
            return f"{number} {unit if number > 1 else unit[:-1]}"
    return f"{int(seconds)} secs"


def _read_shutdown(text: str) -> float:
    word = text.lower()
    return math.inf if word in NO else SHUTDOWN_TIME if word in YES else _read_time(text)


def _show_shutdown(seconds: float) -> str:
    return "no" if seconds == math.inf else "yes" if seconds == SHUTDOWN_TIME else _show_time(seconds)


def _read_size(text: str) -> int:
    if text.lower() == "unlimited":
        return 0
    match = re.fullmatch(r"([0-9]{1,15})\s*(?:b|([kmgt])(?:i?b)?)?", text.lower())
    if not match:
        raise _wrong("a size such as 40M, 128k, a number of bytes, or unlimited", text)
    return int(match[1]) << (10 * " kmgt".index(match[2] or " "))


def _show_size(octets: int) -> str:
    for power, unit in ((40, "T"), (30, "G"), (20, "M"), (10, "k")):
        if octets and octets % (1 << power) == 0:
            return f"{octets >> power}{unit}"
    return str(octets)


def _read_uint(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise _wrong("a whole number", text)
    return int(text)


def _read_limit(text: str) -> int:
    return 0 if text.lower() == "unlimited" else _read_uint(text)


def _port_reader(lowest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,5}", text) or not lowest <= int(text) <= 65535:
            raise _wrong(f"a port number ({lowest}-65535)", text)
        return int(text)

    return read


def _read_string(text: str) -> str:
    # Most strings end up in a line of a protocol or of the log; a file named with "<" may well have several lines.
    if any(character < " " or character == "\x7f" for character in text):
        raise ValueError("expected one line without control characters")
    return text


def _matching(form: str, expected: str) -> ValueType[str]:
    """Text of this form."""

    def read(text: str) -> str:
        if not re.fullmatch(form, text, re.DOTALL):
            raise _wrong(expected, text)
        return text

    return ValueType(read, str)


def _read_networks(text: str) -> tuple[str, ...]:
    found = tuple(word.replace("[", "").replace("]", "") for word in re.findall(r"[^\s,]+", text))
    for word in found:
        try:
            ip_network(word, strict=False)
        except ValueError:
            raise _wrong("addresses and networks such as 192.0.2.0/24", word) from None
    return found


def _read_sources(text: str) -> tuple[str, ...]:
    found = tuple(re.findall(r"[^\s,]+", text))
    for word in found:
        try:
            ip_address(word.removeprefix("?") if word is found[0] else word)
        except ValueError:
            raise _wrong("addresses", word) from None
    return found


def _read_pairs(text: str) -> str:
    if len(text) % 2:
        raise ValueError("expected pairs of characters, each to be replaced by the one after it")
    return _read_string(text)


def _read_ciphers(text: str) -> str:
    if text:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(text)
        except ssl.SSLError:
            raise _wrong("ciphers that OpenSSL knows", text) from None
    return text


def _read_pem(text: str) -> FileContent:
    if text and "-----BEGIN " not in text:
        if "\n" in text:
            raise ValueError("expected the content of a PEM file, with a line '-----BEGIN ...-----'")
        raise ValueError("expected the content of a PEM file; to name a file, put '<' before its path")
    return FileContent(_PEM_ON_ONE_LINE.sub(lambda match: "\n".join((match[1], *match[2].split(), match[3], "")), text))


def long_name(field: str) -> str:
    """OpenSSL's long name of a field of X.509 names: CN and 2.5.4.3 are commonName. Raises ValueError."""
    try:
        return ssl._ASN1Object.fromname(field).longname  # OBJ_txt2nid, which is how Dovecot reads such a name
    except ValueError:
        raise _wrong("a field of X.509 names that OpenSSL knows, such as commonName or emailAddress", field) from None


def _read_name_field(text: str) -> str:
    long_name(text)
    return text


# A certificate that stands in the configuration itself: continued lines are joined by blanks.
_PEM_ON_ONE_LINE = re.compile(r"(-----BEGIN [A-Z0-9 ]+-----) ([A-Za-z0-9+/= ]+) (-----END [A-Z0-9 ]+-----) ?")


def _show_content(content: FileContent) -> str:
    return f"<{content.path}" if content.path else content.replace("\n", " ").strip()


def enum(*choices: str) -> ValueType[str]:
    """One of the given words."""

    def read(text: str) -> str:
        if text not in choices:
            raise _wrong(alternatives(choices), text)
        return text

    return ValueType(read, str)


def alternatives(choices: Iterable[str]) -> str:
    """The choices as people say them: a, b or c."""
    *others, last = (choice or "nothing" for choice in choices)
    return f"{', '.join(others)} or {last}" if others else last


def word_list(choices: Collection[str] = (), unknown: str = "unknown word") -> ValueType[tuple[str, ...]]:
    """Words divided by blanks or commas; with `choices` only these (in any case, kept in lower case)."""

    def read(text: str) -> tuple[str, ...]:
        words = tuple(re.findall(r"[^\s,]+", text))
        if not choices:
            return words
        words = tuple(word.lower() for word in words)
        for word in words:
            if word not in choices:
                raise ValueError(f"{unknown}: {word}; available: {' '.join(choices)}")
        return words

    return ValueType(read, " ".join)


def template(allowed: Collection[str]) -> ValueType[str]:
    """Text with %-variables of the given names."""

    def read(text: str) -> str:
        variables.check(text, allowed)
        return text

    return ValueType(read, str)


words: ValueType[tuple[str, ...]] = word_list()
lower_words: ValueType[tuple[str, ...]] = ValueType(lambda text: words.read(text.lower()), " ".join)
networks: ValueType[tuple[str, ...]] = ValueType(_read_networks, ", ".join)
sources: ValueType[tuple[str, ...]] = ValueType(_read_sources, ", ".join)
pairs: ValueType[str] = ValueType(_read_pairs, str)
addresses: ValueType[tuple[str, ...]] = ValueType(words.read, ", ".join)
boolean: ValueType[bool] = ValueType(_read_boolean, lambda value: "yes" if value else "no")
seconds: ValueType[float] = ValueType(_read_time, _show_time)
positive_seconds: ValueType[float] = ValueType(_read_positive_time, _show_time)
shutdown: ValueType[float] = ValueType(_read_shutdown, _show_shutdown)
size: ValueType[int] = ValueType(_read_size, _show_size)
uint: ValueType[int] = ValueType(_read_uint, str)
limit: ValueType[int] = ValueType(_read_limit, str)
port: ValueType[int] = ValueType(_port_reader(1), str)
port_or_none: ValueType[int] = ValueType(_port_reader(0), str)
string: ValueType[str] = ValueType(_read_string, str)
host: ValueType[str] = _matching("[!#-&(-~]*", "the name or the address of a host")
path: ValueType[str] = _matching("(/.*)?", "an absolute path")
log_place: ValueType[str] = _matching("(syslog|journal|/.*)?", "an absolute path, syslog or journal")
ciphers: ValueType[str] = ValueType(_read_ciphers, str)
pem: ValueType[FileContent] = ValueType(_read_pem, _show_content, is_content=True)
program: ValueType[str] = _matching("[A-Za-z0-9._-]{1,32}", "a name of letters, digits, dots and dashes")
name_field: ValueType[str] = ValueType(_read_name_field, str)
