"""The items of `environment` (RFC 5183 4.1)."""

from __future__ import annotations

from gsubmit import __version__


def items(user: str, hostname: str, remote_ip: str) -> dict[str, str]:
    """For the scripts on a message of a user's. Nobody looks up the client's name."""
    return {
        "location": "MTA",
        "phase": "pre",
        "name": "gsubmit",
        "version": __version__,
        "host": hostname,
        "domain": hostname.partition(".")[2] or hostname,
        "remote-ip": remote_ip,
        "remote-host": "",
        "vnd.dovecot.username": user,
    }
