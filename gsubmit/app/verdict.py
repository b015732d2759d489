"""Whether a configuration that can be read makes a server of use: the same for check-config, start and reload."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gsubmit.app import certificatecheck, placescheck, scriptscheck, senderscheck, userscheck
from gsubmit.app.backends import named_targets, sends_elsewhere
from gsubmit.app.process import acting_as
from gsubmit.auth.chain import build_chain
from gsubmit.auth.drivers import KNOWN
from gsubmit.plugins.loader import check_plugins
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.load import Loaded
from gsubmit.settings.passdbs import OTHER_DRIVERS
from gsubmit.settings.problem import Notice, Problem, Report, SettingsError
from gsubmit.settings.relay import RELAY_PREFIX
from gsubmit.settings.sections import Settings

_LETS_IN = frozenset({"return-ok", "continue-ok"})
_ASK_DOVECOT = "let Dovecot ask it: driver = dovecot, with a unix_listener of Dovecot's service auth (gsubmit.conf(5))"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a configuration, and what is worth knowing about it, each in the order of the files."""

    errors: tuple[Problem, ...]
    notices: tuple[Notice, ...]


def approved(loaded: Loaded) -> tuple[Settings, tuple[Notice, ...]]:
    """The settings to serve by, and what there is to say about them. Raises SettingsError."""
    verdict = judge(loaded)
    if verdict.errors:
        raise SettingsError(verdict.errors)
    return loaded.settings, verdict.notices


def judge(loaded: Loaded) -> Verdict:
    """Look at what only a server needs: doors for users, a relay, files."""
    report = Report(notices=list(loaded.notices))
    settings, doors = loaded.settings, _doors(loaded, report)
    _check_relay(doors, loaded, report)
    certificatecheck.check(loaded, report)
    placescheck.check(loaded, report)
    senderscheck.check(loaded, report)
    scriptscheck.check(loaded, report)
    try:
        named_targets(settings)
        chain = build_chain(settings)
    except SettingsError as error:
        report.problems += error.problems
    else:
        with acting_as(settings.server.user):
            userscheck.check(settings, chain, doors, report)
            check_plugins(settings.submission.plugins.blocks, report)
    return Verdict(
        tuple(sorted(report.problems, key=lambda problem: problem.place)),
        tuple(sorted(report.notices, key=lambda notice: notice.place)),
    )


def _doors(loaded: Loaded, report: Report) -> list[PassdbSettings]:
    """The passdbs that let users in. Without any the server is of no use, which is an error."""
    settings = loaded.settings
    absent = [passdb for passdb in settings.passdbs if passdb.driver in OTHER_DRIVERS]
    doors = [passdb for passdb in settings.passdbs if passdb not in absent and _lets_in(passdb)]
    drivers = ", ".join(dict.fromkeys(passdb.driver for passdb in absent))
    if doors:
        if absent:
            report.notice("note", absent[0].place, f"users of passdb driver {drivers}: {_ASK_DOVECOT}")
        _check_mechanisms(doors, loaded, report)
    elif absent:
        text = f"nobody can log in: passdb driver {drivers} is not supported; {_ASK_DOVECOT}"
        report.problem(absent[0].place, text)
    elif settings.passdbs:
        text = "nobody can log in: each passdb is for master users, keeps users out, or leaves the yes to another"
        report.problem(settings.passdbs[0].place, text)
    else:
        report.problem(loaded.whole, "nobody can log in: there is no passdb, see gsubmit.conf(5)")
    return doors


def _lets_in(passdb: PassdbSettings) -> bool:
    rules = {passdb.result_success, passdb.result_failure, passdb.result_internalfail}
    return not (passdb.master or passdb.deny or rules.isdisjoint(_LETS_IN))


def _check_mechanisms(doors: list[PassdbSettings], loaded: Loaded, report: Report) -> None:
    """Whether there is a way to log in at one of the doors."""
    mechanisms = loaded.settings.auth.auth_mechanisms
    for door in doors:
        asked = {word.lower() for word in door.mechanisms} or set(mechanisms)
        if not asked.isdisjoint(set(mechanisms) & set(KNOWN.drivers[door.driver])):
            return
    text = f"nobody can log in: no passdb that lets users in answers {', '.join(mechanisms) or 'without mechanisms'}"
    report.problem(loaded.place("auth_mechanisms"), f"auth_mechanisms: {text}")


def _check_relay(doors: list[PassdbSettings], loaded: Loaded, report: Report) -> None:
    """Without a relay only users are served whom a passdb sends to other servers."""
    if loaded.settings.relay.host or (doors and all(map(sends_elsewhere, doors))):
        return
    name = f"{RELAY_PREFIX}host"
    if any(map(_may_send_elsewhere, doors)):
        text = f"no relay ({name}): MAIL is answered 451 4.3.5, but for users whom a passdb sends elsewhere (proxy)"
        report.notice("warning", loaded.place(name), text)
    else:
        report.problem(loaded.place(name), f"no relay: every MAIL would be answered 451 4.3.5; set {name}")


def _may_send_elsewhere(passdb: PassdbSettings) -> bool:
    """Whether some of its users may be served by another server, as far as is known before they log in."""
    if passdb.driver == "passwd-file" and "%" not in passdb.args:
        with suppress(OSError):
            return b"proxy" in Path(passdb.args.split(" ")[-1]).read_bytes()
        return False
    return passdb.driver in ("passwd-file", "dovecot", "oauth2") or sends_elsewhere(passdb)
