"""The control socket in `base_dir`, of the user that serves. A server without it serves all the same."""

from __future__ import annotations

import logging

from gsubmit.app import process
from gsubmit.settings.sections import Settings
from gsubmit.watch.place import Place, make_folder

_log = logging.getLogger("gsubmit")


def bind_control(settings: Settings) -> Place | None:
    """Bind it while we may make its folder; None where there is to be none, or there cannot be, as the log says."""
    base_dir = settings.server.base_dir
    if not base_dir:
        return None
    try:
        make_folder(base_dir, process.owner(process.internal_user(settings)))
        with process.acting_as(settings.server.user):
            return Place(base_dir)
    except OSError as fault:
        why = fault.strerror or fault
        _log.warning("base_dir: %s: %s: gsubmit who, kick, penalty and stats cannot ask this server", base_dir, why)
        return None
