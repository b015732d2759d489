"""The settings of the login proxy: users whose passdb entry says `proxy` are served by another submission server."""

from __future__ import annotations

from dataclasses import dataclass

from gsubmit.settings.declare import setting
from gsubmit.settings.kinds import path, positive_seconds, seconds, sources, uint, words


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """How backends are reached. Where each user's is, its passdb entry says."""

    login_proxy_timeout: float = setting(
        positive_seconds, 30.0, "Time for connecting to a backend and logging in there, tries that failed included."
    )
    login_proxy_max_reconnects: int = setting(
        uint, 3, "How often a backend that failed is tried again within that time, once a second."
    )
    login_proxy_max_disconnect_delay: float = setting(
        seconds,
        0.0,
        "Longest time by which clients are cut off later when their backend has gone, so that not all come back at"
        " once; 0 means at once.",
    )
    login_proxy_rawlog_dir: str = setting(
        path, "", "Folder that gets a copy of what is said with backends until the login; empty means none."
    )
    login_source_ips: tuple[str, ...] = setting(
        sources,
        (),
        "Addresses to connect to backends from, in turn; with ? before the first those that this machine lacks are left"
        " out.",
    )
    auth_proxy_self: tuple[str, ...] = setting(
        words, (), "Further addresses of this server, for proxy_maybe, beside those that the machine has."
    )
