"""`passdb { }`: where users are looked up."""

from __future__ import annotations

from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.declare import declarations
from gsubmit.settings.parse import Block
from gsubmit.settings.problem import Report, nearest, words
from gsubmit.settings.values import given

DRIVERS = ("passwd-file",)
OTHER_DRIVERS = words("bsdauth checkpassword dict imap ldap lua oauth2 pam passwd shadow sql static vpopmail")

# What else a passdb can be told in Dovecot, and the value that changes nothing.
_DEFAULTS = {
    "auth_verbose": "default",
    "default_fields": "",
    "deny": "no",
    "master": "no",
    "mechanisms": "",
    "name": "",
    "override_fields": "",
    "pass": "no",
    "result_failure": "continue",
    "result_internalfail": "continue",
    "result_success": "return-ok",
    "skip": "never",
    "username_filter": "",
}


def read_passdb(block: Block, report: Report) -> PassdbSettings | None:
    """Read one passdb; None when there is nothing to consult."""
    known = declarations(PassdbSettings)
    values = {value.key: value for value in block.values()}
    for value in values.values():
        if value.key in known:
            continue
        if value.key not in _DEFAULTS:
            near = nearest(value.key, {*known, *_DEFAULTS})
            report.problem(value.place, f"unknown setting '{value.key}'{near}")
        elif value.text.lower() != _DEFAULTS[value.key] and value.key != "name":
            # Who is let in depends on these, so a passdb that has one cannot be consulted as if it had not.
            report.problem(value.place, f"{value.key} in a passdb is not supported yet")
    for inner in block.blocks():
        report.problem(inner.place, f"unknown block '{inner.word}'")
    passdb = PassdbSettings(file=block.place.file, line=block.place.line, **given(PassdbSettings, values, report))
    return passdb if _is_usable(passdb, block, report) else None


def _is_usable(passdb: PassdbSettings, block: Block, report: Report) -> bool:
    if passdb.driver in OTHER_DRIVERS:
        text = f"passdb driver {passdb.driver} is not supported yet, this passdb is never consulted"
        report.notice("warning", block.place, text)
        return False
    if not passdb.driver:
        report.problem(block.place, f"a passdb needs a driver, such as {DRIVERS[0]}")
        return False
    if passdb.driver not in DRIVERS:
        near = nearest(passdb.driver, {*DRIVERS, *OTHER_DRIVERS})
        report.problem(block.place, f"unknown passdb driver '{passdb.driver}'{near}")
        return False
    if not passdb.args:
        report.problem(block.place, "a passwd-file passdb needs args, at least the path of the file")
        return False
    return True
