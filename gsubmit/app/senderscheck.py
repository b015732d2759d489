"""The file of submission_sender_login_map, as whoever will serve reads it."""

from __future__ import annotations

from pathlib import Path

from gsubmit.app.process import acting_as
from gsubmit.app.userscheck import MAX_SHOWN
from gsubmit.senders.loginmap import BadMap, read_map
from gsubmit.settings.load import Loaded
from gsubmit.settings.problem import Place, Report


def check(loaded: Loaded, report: Report) -> None:
    """Report what keeps it from being used: without it the server does not start."""
    settings, name = loaded.settings.submission.senders, "submission_sender_login_map"
    path = settings.submission_sender_login_map
    if settings.submission_sender_check == "no" or not path:
        return
    try:
        with acting_as(loaded.settings.server.user):
            read_map(path)
    except BadMap as error:
        for line, text in error.faults[:MAX_SHOWN]:
            if line:
                report.problem(Place(Path(path), line), text)
            else:
                report.problem(loaded.place(name), f"{name}: {path} {text}")
        if len(error.faults) > MAX_SHOWN:
            report.problem(Place(Path(path)), f"{len(error.faults) - MAX_SHOWN} more lines with faults")
