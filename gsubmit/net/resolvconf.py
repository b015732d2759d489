"""resolv.conf(5) for dnspython, which takes no file that is not perfect: what makes no sense in it is passed over."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import StringIO
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.name
import dns.resolver

from gsubmit.net import systemfile

PATH = Path("/etc/resolv.conf")
MAX_SIZE = 65536  # octets
LOCAL_SERVER = "127.0.0.1"  # asked when none is named, as resolv.conf(5) has it
MAX_SERVERS = 3  # MAXNS of resolv.conf(5); those behind are not asked
SERVER_TIME = 5.0  # seconds for one server, RES_TIMEOUT of resolv.conf(5); shared when there are several
LEAST_SERVER_TIME = 2.0
# The most that glibc takes, and the least that makes sense.
_NUMBERS = {"ndots": range(16), "timeout": range(1, 31)}
_WORDS = frozenset({"rotate", "edns0", "use-vc"})
_MOST_SHOWN = 3  # bad lines in the log
_SHOWN_SIZE = 60  # characters of one

_log = logging.getLogger("gsubmit")


class Resolver(dns.resolver.Resolver):
    """dnspython's, for the system's name servers. `is_tcp_only`: `options use-vc`."""

    is_tcp_only = False


def resolver() -> Resolver:
    """One by the file as it is now, however bad it is; with no name server in it, for that of this machine.

    Raises DNSException or ValueError where dnspython cannot do with the name of this machine.
    """
    made = Resolver(configure=False)
    try:
        text = systemfile.read(PATH, MAX_SIZE).decode("utf-8", "replace")
    except OSError as error:
        _log.warning("%s: %s; the name server asked is %s", PATH, error.strerror, LOCAL_SERVER)
        text = ""
    bad: list[str] = []
    good = list(_usable(text.split("\n"), bad))
    servers = [line for line in good if line.startswith("nameserver ")][:MAX_SERVERS]
    others = [line for line in good if not line.startswith("nameserver ")]
    if bad:
        shown = ", ".join(ascii(line[:_SHOWN_SIZE]) for line in bad[:_MOST_SHOWN])
        more = f" and {len(bad) - _MOST_SHOWN} more" if len(bad) > _MOST_SHOWN else ""
        _log.warning("%s: lines passed over: %s%s", PATH, shown, more)
    servers = servers or [f"nameserver {LOCAL_SERVER}"]
    made.timeout = max(SERVER_TIME / len(servers), LEAST_SERVER_TIME)
    made.read_resolv_conf(StringIO("\n".join([*servers, *others])))
    made.is_tcp_only = any("use-vc" in line.split() for line in others if line.startswith("options "))
    return made


def _usable(lines: list[str], bad: list[str]) -> Iterator[str]:
    """The lines that mean something to us, without the words that mean nothing; `bad` gets those of no use."""
    for line in lines:
        keyword, *words = line.split() or [""]
        if not keyword or keyword[0] in "#;":
            continue
        if keyword == "nameserver":
            kept = [_server(word) for word in words[:1]]
        elif keyword in ("domain", "search"):
            kept = [word for word in words if _is_name(word)]
        elif keyword == "options":
            kept = [word for word in words if _is_option(word)]
        elif keyword == "sortlist":
            continue
        else:
            kept = []
        if kept and kept[0]:
            yield " ".join([keyword, *kept])
        elif keyword != "options":  # there are many that only glibc needs to know
            bad.append(line)


def _server(word: str) -> str:
    """The address of a name server; :: and 0.0.0.0 mean this machine, whose answers come from another address."""
    try:
        address = ip_address(word)
    except ValueError:
        return ""
    if address.is_unspecified:
        return LOCAL_SERVER if address.version == 4 else "::1"
    return word


def _is_name(word: str) -> bool:
    try:
        dns.name.from_text(word)
    except (dns.exception.DNSException, ValueError):
        return False
    return True


def _is_option(word: str) -> bool:
    name, _, number = word.partition(":")
    if name in _NUMBERS:
        return number.isascii() and number.isdigit() and int(number[:4]) in _NUMBERS[name]
    return word in _WORDS
