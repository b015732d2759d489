"""What the server is as a process: which user, how many descriptors, which files; and what is wrong with that."""

from __future__ import annotations

import os
import pwd
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gsubmit.app import capabilities
from gsubmit.app.build import CannotStart
from gsubmit.logs.places import Owner
from gsubmit.settings.sections import Settings

OTHER_DESCRIPTORS = 64  # listeners, event loop, log, name servers, connections of passdbs
COPIES = 1100  # of large messages that are to come to Sent and are held in memory, and of those in work


def internal_user(settings: Settings) -> pwd.struct_passwd | None:
    """The user to become when root has started us. Raises CannotStart."""
    name = settings.server.user
    try:
        return pwd.getpwnam(name) if name and os.getuid() == 0 else None
    except KeyError as error:
        raise CannotStart(f"there is no user {name} (default_internal_user)") from error


def owner(user: pwd.struct_passwd | None) -> Owner | None:
    """To whom files belong that are made before the user is taken on."""
    return Owner(user.pw_uid, user.pw_gid) if user is not None else None


def become(user: pwd.struct_passwd | None) -> None:
    """Be that user with the groups it has, or whoever we are, for good and without capabilities; root alone stays root.

    Where there is no user to become, threads that run already keep theirs.
    """
    if user is not None:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    elif os.geteuid() != 0:
        capabilities.drop()


def call_itself(name: str) -> None:
    """Be found by ps and top under this name, of at most 15 characters (proc(5)); the master goes by the program's."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def take_all_descriptors() -> None:
    """Each client takes a descriptor, and a relay connection or a large message one more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def running_faults(settings: Settings) -> Iterator[str]:
    """What the log should say about this process: it serves, but not as the administrator may think."""
    if os.geteuid() == 0 and not uid_of(settings.server.user):
        yield "runs as root, which it has no need for: set default_internal_user to a user of its own"
    needed, most = _descriptors(settings), resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most != resource.RLIM_INFINITY and needed > most:
        limit = settings.services.max_clients
        yield f"{limit} clients at the same time may need {needed} descriptors, but {most} is the limit (ulimit -n)"


def start_faults(settings: Settings) -> Iterator[str]:
    """What is to be said before the start, when nobody knows yet who will start it."""
    name = settings.server.user
    if not name:
        yield "default_internal_user is empty: started by root, the server stays root"
    elif uid_of(name) == 0:
        yield f"default_internal_user = {name}: started by root, the server stays root"


def uid_of(name: str) -> int | None:
    """Its number, or None where there is no such user."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """With the rights of that user, if root asks and there is one."""
    if not name or os.geteuid() != 0 or not uid_of(name):
        yield
        return
    user, groups = pwd.getpwnam(name), os.getgroups()
    try:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setegid(user.pw_gid)
        os.seteuid(user.pw_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(os.getgid())
        os.setgroups(groups)


def _descriptors(settings: Settings) -> int:
    """How many are open at worst: each client has a large message, each connection its rawlog."""
    clients, server, relay = settings.services.max_clients, settings.server, settings.relay
    to_relay = min(relay.max_connections or clients, clients)
    each_client = 4 if server.rawlog_dir else 2
    each_to_relay = 3 if relay.rawlog_dir else 1
    to_imap = len(settings.burl.servers) * settings.burl.max_connections
    to_sent = COPIES if settings.sent.server is not None else 0
    return clients * each_client + to_relay * each_to_relay + to_imap + to_sent + OTHER_DESCRIPTORS
