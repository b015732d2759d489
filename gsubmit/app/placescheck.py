"""Names and places in a configuration: hosts, folders, files and the user, as the server will find them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from gsubmit.app.process import acting_as, uid_of
from gsubmit.proxy.itself import Itself
from gsubmit.settings.declare import values
from gsubmit.settings.hosts import is_address, is_loopback
from gsubmit.settings.load import Loaded
from gsubmit.settings.problem import Report
from gsubmit.settings.relay import RELAY_PREFIX

_FOLDERS = (
    "mail_temp_dir",
    "rawlog_dir",
    f"{RELAY_PREFIX}rawlog_dir",
    "login_proxy_rawlog_dir",
    "submission_sent_retry_dir",
)
_LOGS = ("log_path", "info_log_path")


def check(loaded: Loaded, report: Report) -> None:
    """Report what is not there, or not the server's to use, at the line of the setting."""
    _check_hosts(loaded, report)
    typed = values(loaded.settings)
    for name in _LOGS:
        _check_log_folder(name, typed[name], loaded, report)
    user = loaded.settings.server.user
    if user and uid_of(user) is None:
        name = "default_internal_user" if loaded.settings.server.default_internal_user else "default_login_user"
        text = f"{name}: there is no user {user}"
        place = loaded.place(name)
        if os.getuid() == 0:  # nobody else becomes that user
            report.problem(place, text)
        else:
            report.notice("warning", place, text)
        user = ""
    with acting_as(user):
        whom = f" by {user}" if user else ""
        for name in _FOLDERS:
            if why := _fault_of_folder(typed[name], whom):
                report.notice("warning", loaded.place(name), f"{name}: {typed[name]} {why}")
        for name in _LOGS:
            path = typed[name]
            if path.startswith("/") and not path.startswith("/dev/") and _is_kept_from(path, os.W_OK):
                report.notice("warning", loaded.place(name), f"{name}: {path} cannot be written{whom}")


def _check_hosts(loaded: Loaded, report: Report) -> None:
    settings = loaded.settings
    hostname, relay = settings.server.hostname, settings.relay
    if "." not in hostname and ":" not in hostname:
        text = f"hostname: {hostname} is no full name, and others may refuse it in EHLO"
        report.notice("warning", loaded.place("hostname"), text)
    addresses = [relay.host] if is_address(relay.host) else ["127.0.0.1", "::1"] if is_loopback(relay.host) else []
    itself = Itself.of(settings)
    if any(itself.is_at(address, relay.port) for address in addresses):
        name = f"{RELAY_PREFIX}host"
        text = f"{name}: {relay.host} port {relay.port} is this server, so that no message would go anywhere"
        report.problem(loaded.place(name, f"{RELAY_PREFIX}port"), text)


def _check_log_folder(name: str, path: str, loaded: Loaded, report: Report) -> None:
    """Without it the server does not start."""
    if path.startswith("/") and not Path(path).parent.is_dir():
        report.problem(loaded.place(name), f"{name}: there is no folder {Path(path).parent}")
    elif Path(path).is_dir() and path:
        report.problem(loaded.place(name), f"{name}: {path} is a folder")


def _fault_of_folder(folder: str, whom: str) -> str:
    if not folder:
        return ""
    with suppress(PermissionError):
        if not Path(folder).is_dir():
            return "is no folder" if Path(folder).exists() else "is not there"
    return "" if os.access(folder, os.W_OK | os.X_OK, effective_ids=True) else f"cannot be written{whom}"


def _is_kept_from(path: str, mode: int) -> bool:
    """Whether there is such a file, and whoever we are now may not open it."""
    try:
        return Path(path).exists() and not os.access(path, mode, effective_ids=True)
    except PermissionError:  # of a folder on the way
        return True
