"""The users files of a configuration, as whoever will serve reads them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from gsubmit.auth.chain import Chain
from gsubmit.auth.passdbs.passwdfile import PasswdFile
from gsubmit.auth.passdbs.usercheck import UserCheck
from gsubmit.auth.schemes.cost import Limits
from gsubmit.auth.schemes.stored import Rules
from gsubmit.auth.schemes.table import WEAK
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.files import reason
from gsubmit.settings.problem import Notice, Place, Report
from gsubmit.settings.sections import Settings

MAX_SHOWN = 10  # faults of one file


def check(settings: Settings, chain: Chain, doors: Collection[PassdbSettings], report: Report) -> None:
    """Report what is wrong with each file and with its users.

    Without the file of any door nobody can log in, nor without one that says whom to keep out.
    """
    passwords = settings.auth.passwords
    limits = Limits(passwords.auth_max_hash_time, passwords.auth_max_hash_memory)
    rules = Rules(passwords.auth_allow_weak_schemes, limits)
    needs_password = "external" not in settings.auth.auth_mechanisms
    missing: dict[PassdbSettings, str] = {}
    for link in (*chain.links, *chain.masters):
        passdb = link.passdb
        if not isinstance(passdb, PasswdFile):
            continue
        if passdb.scheme.upper().partition(".")[0] in WEAK and not rules.allow_weak:
            text = f"scheme={passdb.scheme} is weak: such passwords are refused without auth_allow_weak_schemes = yes"
            report.notice("warning", link.settings.place, text)
        if passdb.fixed_path:
            users = UserCheck(chain.names, rules, is_list=link.settings.deny, needs_password=needs_password)
            try:
                _check_file(passdb, users, report)
            except OSError as error:
                missing[link.settings] = f"passdb file {passdb.fixed_path} cannot be read: {reason(error)}"
    is_shut = bool(doors) and missing.keys() >= set(doors)
    for whose, text in missing.items():
        if is_shut or whose.deny:
            report.problem(whose.place, f"nobody can log in: {text}")
        else:
            report.notice("warning", whose.place, text)


def _check_file(passdb: PasswdFile, users: UserCheck, report: Report) -> None:
    """Raises OSError."""
    path, number = Path(passdb.fixed_path), 0
    for number, (line, fault) in enumerate(users.faults(passdb), 1):
        if number <= MAX_SHOWN:
            report.notices.append(Notice(Place(path, line), fault, "warning"))
    if number > MAX_SHOWN:
        report.notices.append(Notice(Place(path), f"{number - MAX_SHOWN} more lines with faults", "warning"))
