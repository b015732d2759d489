"""The drivers of passdbs by name. A new one is added here and nowhere else."""

from __future__ import annotations

from typing import NamedTuple

from gsubmit.auth.means import Driver, Means
from gsubmit.auth.passdb import Passdb
from gsubmit.auth.passdbs.absent import Absent
from gsubmit.auth.passdbs.dovecot import DovecotAuth
from gsubmit.auth.passdbs.imap import ImapServer
from gsubmit.auth.passdbs.oauth2 import OAuth2
from gsubmit.auth.passdbs.passwdfile import PasswdFile
from gsubmit.auth.passdbs.static import Static
from gsubmit.sasl.mechanisms import MECHANISMS
from gsubmit.settings.known import Known
from gsubmit.settings.passdbs import OTHER_DRIVERS


class Entry(NamedTuple):
    """A kind of passdb, and what is to be known about it without one."""

    passdb: type[Driver]
    has_file: bool = False  # its `args` end with the path of a file
    needs_args: bool = True


DRIVERS = {
    "passwd-file": Entry(PasswdFile, has_file=True),
    "static": Entry(Static, needs_args=False),
    "oauth2": Entry(OAuth2, has_file=True),
    "imap": Entry(ImapServer),
    "dovecot": Entry(DovecotAuth),
}

# For the configuration, see settings.load.
KNOWN = Known(
    drivers={
        name: {mechanism.name.lower() for mechanism in MECHANISMS.values() if mechanism.asks in driver.passdb.serves}
        for name, driver in DRIVERS.items()
    },
    without_args=[name for name, driver in DRIVERS.items() if not driver.needs_args],
    mechanisms=[name.lower() for name in MECHANISMS],
)


def make(name: str, args: str, means: Means) -> Passdb:
    """A passdb from its setting `args`, or a stand-in where the driver is not here. ValueError for bad args."""
    return Absent(name) if name in OTHER_DRIVERS else DRIVERS[name].passdb.from_args(args, means)
