"""`gsubmit check-config`: whether a configuration makes a server of use, what it amounts to, what has no effect."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import click

from gsubmit.app.backends import named_targets, warnings
from gsubmit.app.build import CannotStart, build_proxy, build_service
from gsubmit.app.process import start_faults
from gsubmit.app.verdict import judge
from gsubmit.auth.chain import build_chain
from gsubmit.dial.answer import RelayFailed
from gsubmit.settings.problem import Problem, SettingsError
from gsubmit.settings.sections import Settings
from gsubmit_cli.config import config_option, loaded_from
from gsubmit_cli.dial import Unusable, addresses, dial, dial_backend
from gsubmit_cli.dial_imap import ImapDial
from gsubmit_cli.dial_passdb import dial_passdb
from gsubmit_cli.dial_sent import dial_sent
from gsubmit_cli.dial_state import dial_state
from gsubmit_cli.summary import difference, summary


class Remark(NamedTuple):
    """Something to say, where it has a place with file and line; line 0 is the file as a whole."""

    text: str
    file: str | None = None
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return place + self.text


@dataclass(slots=True)
class Outcome:
    """All that is said about a configuration; the names are those of --json."""

    file: str
    errors: list[Remark] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)
    ignored: list[Remark] = field(default_factory=list)
    summary: dict[str, list[str]] = field(default_factory=dict)
    settings: Settings | None = None  # unless they have errors in themselves

    @classmethod
    def of(cls, path: Path) -> Outcome:
        """What is to be said without a connection to anybody."""
        outcome = cls(str(path))
        try:
            outcome._look_at(path)
        except SettingsError as error:
            outcome.errors += [_remark(problem) for problem in error.problems]
        except CannotStart as error:
            outcome.errors.append(Remark(str(error)))
        return outcome

    def _look_at(self, path: Path) -> None:
        loaded = loaded_from(path)
        verdict = judge(loaded)
        kinds = {"warning": self.warnings, "note": self.notes, "ignored": self.ignored}
        for notice in verdict.notices:
            kinds[notice.kind].append(_remark(notice))
        user = loaded.place("default_internal_user")
        self.warnings += [Remark(fault, str(user.file), user.line) for fault in start_faults(loaded.settings)]
        self.settings = loaded.settings
        self.summary = summary(loaded.settings)
        if verdict.errors:
            raise SettingsError(verdict.errors)
        self.warnings += map(Remark, warnings(loaded.settings))
        build_service(loaded.settings)

    def as_json(self) -> str:
        """One object."""
        shown = {
            name: [remark._asdict() for remark in getattr(self, name)]
            for name in ("errors", "warnings", "notes", "ignored")
        }
        return json.dumps({"file": self.file, **shown, "summary": self.summary}, ensure_ascii=False, indent=2)


def _remark(problem: Problem) -> Remark:
    return Remark(problem.text, str(problem.place.file), problem.place.line)


@click.command("check-config")
@config_option
@click.option("-n", "only_changed", is_flag=True, help="Print the settings that differ from their defaults.")
@click.option("-v", "--verbose", is_flag=True, help="Name each setting that is ignored.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as one JSON object.")
@click.option(
    "--dial",
    "and_dial",
    is_flag=True,
    help="Also connect to relay, passdbs, IMAP servers, backends and the shared state.",
)
@click.option("--imap-user", metavar="NAME", default="", help="With --dial: the IMAP master user logs in for this one.")
@click.pass_context
def check_config(
    context: click.Context,
    path: Path,
    only_changed: bool,
    verbose: bool,
    as_json: bool,
    and_dial: bool,
    imap_user: str,
) -> None:
    """Check a configuration and show what it amounts to, or every error in it.

    Exit code 0 when a server could start with it and be of use and, with --dial, all other servers could be
    used; 1 when not; 2 for wrong arguments.
    """
    if imap_user and not and_dial:
        raise click.UsageError("--imap-user has no meaning without --dial")
    if as_json and only_changed:
        raise click.UsageError("-n is the configuration itself: it does not go with --json")
    outcome = Outcome.of(path)
    parts = _dialled(outcome, imap_user) if and_dial and not outcome.errors else iter(())
    if as_json:
        for title, lines in parts:
            outcome.summary.setdefault(title, []).extend(lines)
        click.echo(outcome.as_json())
    else:
        _print(outcome, only_changed=only_changed, verbose=verbose)
        said = len(outcome.errors)
        for title, lines in parts:
            for line in _under(title, lines):
                click.echo(line)
        for error in outcome.errors[said:]:
            click.echo(str(error), err=True)
    context.exit(1 if outcome.errors else 0)


def _print(outcome: Outcome, *, only_changed: bool, verbose: bool) -> None:
    """The lines for people; errors go to stderr."""
    for error in outcome.errors:
        click.echo(str(error), err=True)
    if only_changed:
        if outcome.settings is not None:
            for line in difference(outcome.settings):
                click.echo(line)
        return
    if not outcome.errors:
        click.echo(f"{outcome.file}: no errors{_counted(', ', len(outcome.warnings), 'warning')}")
        for title, lines in outcome.summary.items():
            for line in _under(title, lines):
                click.echo(line)
    for kind, remarks in (("warning", outcome.warnings), ("note", outcome.notes)):
        for remark in remarks:
            click.echo(f"{kind}: {remark}")
    if verbose:
        for remark in outcome.ignored:
            click.echo(f"ignored: {remark}")
    elif outcome.ignored:
        click.echo(f"ignored:{_counted(' ', len(outcome.ignored), 'setting')} for other services (-v names them)")


def _counted(before: str, number: int, what: str) -> str:
    """Such as `, 2 warnings`; empty for none."""
    return f"{before}{number} {what}{'s' if number > 1 else ''}" if number else ""


def _under(title: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {title if number == 0 else '':10} {line}"


def _dialled(outcome: Outcome, imap_user: str) -> Iterator[tuple[str, Iterator[str]]]:
    """What relay, backends and IMAP servers say, also when another one fails. Who cannot be used is an error."""
    settings = outcome.settings
    assert settings is not None
    proxy = build_proxy(settings)
    chain = build_chain(settings)
    parts = [("dial", dial(settings))]
    parts += [("passdb", dial_passdb(link.passdb)) for link in (*chain.links, *chain.masters)]
    parts += [
        ("backend", dial_backend(proxy, target, found))
        for _, target in named_targets(settings)
        for found in addresses(proxy, target)
    ]
    parts += [("imap", ImapDial(settings, server).lines(imap_user)) for server in settings.burl.servers]
    if settings.sent.server is not None:
        parts.append(("sent", dial_sent(settings, imap_user)))
    parts.append(("state", dial_state(settings)))
    return ((title, _tried(lines, outcome)) for title, lines in parts)


def _tried(lines: Iterator[str], outcome: Outcome) -> Iterator[str]:
    try:
        yield from lines
    except (CannotStart, RelayFailed, Unusable) as error:
        outcome.errors.append(Remark(str(error)))
