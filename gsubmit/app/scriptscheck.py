"""The administrators' Sieve scripts, as whoever will serve reads them."""

from __future__ import annotations

from pathlib import Path

from gsubmit.app.process import acting_as
from gsubmit.settings.load import Loaded
from gsubmit.settings.problem import Place, Report

_SETTINGS = ("submission_sieve_before", "submission_sieve_after")


def check(loaded: Loaded, report: Report) -> None:
    """Report what is wrong with them: with a script that fails no message would be taken."""
    sieve, user = loaded.settings.submission.sieve, loaded.settings.server.user
    if not sieve.is_asked_for:
        return
    from gsubmit.scripts.places import administrators  # noqa: PLC0415 - most have none
    from gsubmit.scripts.scripts import Scripts  # noqa: PLC0415
    from gsubmit.sieve.errors import SieveError  # noqa: PLC0415

    paths: list[tuple[str, str]] = []
    with acting_as(user):
        try:
            for name in _SETTINGS:
                paths += [(name, path) for path in administrators(getattr(sieve, name))]
            cache = Scripts(sieve, has_mailboxes=loaded.settings.sent.server is not None).cache
        except OSError as error:
            report.problem(loaded.place(name), f"{name}: {error.filename} cannot be read: {error.strerror}")
            return
        for name, path in paths:
            try:
                script = cache.script(path)
            except SieveError as error:
                for problem in error.problems:
                    report.problem(Place(Path(problem.script), problem.line), problem.text)
                continue
            if script is None:
                report.problem(loaded.place(name), f"{name}: there is no file {path}")
                continue
            for problem in script.missing:
                text = f"{problem.text}: an error for a message for which it is included"
                report.notice("warning", Place(Path(problem.script), problem.line), text)
