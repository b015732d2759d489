"""The hosts file, hosts(5): the system's own list of names, which DNS servers do not know."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from gsubmit.net import systemfile

PATH = Path("/etc/hosts")
MAX_SIZE = 16 << 20  # octets; lists of advertisers' hosts have some 6 MB


def in_hosts_file(host: str) -> list[str]:
    """The addresses of a name, IPv4 first; a line whose first word is no address is passed over."""
    name = host.encode("utf-8", "surrogateescape").lower().removesuffix(b".")
    try:
        text = systemfile.read(PATH, MAX_SIZE).lower()
    except OSError:
        return []
    if not name or name not in text:  # such a list may be long, and seldom has the name
        return []
    lines = [line.partition(b"#")[0].split() for line in text.split(b"\n") if name in line]
    words = [words[0] for words in lines if name in words[1:]]
    found = [address for word in words if (address := _address(word))]
    return sorted(dict.fromkeys(found), key=lambda address: ":" in address)


def _address(word: bytes) -> str:
    try:
        return str(ip_address(word.decode("ascii")))
    except ValueError:
        return ""
