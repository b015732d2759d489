"""A Postfix of the tests' own: its configuration, queue and mailboxes in one temporary folder."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.peer_process import eventually, free_ports, need_root, program, public_folder, running

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = /dev/stdout
command_directory = {commands}
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.example.org
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = reject_unauth_destination
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
message_size_limit = 50000000
smtpd_client_connection_rate_limit = 0
"""

_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{port_without_chunking} inet n - n - - smtpd
  -o smtpd_discard_ehlo_keywords=chunking
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A relay that delivers everything for example.org into one Maildir."""

    folder: Path
    port: int
    port_without_chunking: int
    process: subprocess.Popen[bytes]

    @property
    def maildir(self) -> Path:
        """The one mailbox."""
        return self.folder / "mail" / "box"

    @property
    def log(self) -> str:
        """What it logged so far."""
        return (self.folder / "log").read_text()

    @property
    def messages(self) -> list[bytes]:
        """What was delivered so far, as it is stored (line ends are LF)."""
        return [path.read_bytes() for path in sorted((self.maildir / "new").glob("*"))]

    def next_message(self) -> bytes:
        """Wait for a message, and take it out of the mailbox."""
        new = self.maildir / "new"
        path = eventually("delivery by Postfix", lambda: next(iter(sorted(new.glob("*"))), None))
        assert path is not None
        content = path.read_bytes()
        path.unlink()
        return content


@contextmanager
def postfix() -> Iterator[Postfix]:
    """Run a Postfix, and end it with everything that it started."""
    need_root()
    postfix_program = Path(program("postfix"))
    with public_folder("postfix") as folder:
        ports = free_ports(2)
        _prepare(folder, postfix_program, ports)
        with running([postfix_program, "-c", folder / "etc", "start-fg"], folder / "log", ports) as process:
            try:
                yield Postfix(folder, ports[0], ports[1], process)
            finally:  # master leads a process group of its own
                subprocess.run([postfix_program, "-c", folder / "etc", "abort"], capture_output=True, check=False)


def _prepare(folder: Path, postfix_program: Path, ports: list[int]) -> None:
    owner = pwd.getpwnam("postfix")
    nobody = pwd.getpwnam("nobody")
    for name in ("etc", "queue", "data", "mail"):
        (folder / name).mkdir()
    (folder / "etc" / "main.cf").write_text(
        _MAIN.format(
            folder=folder,
            commands=postfix_program.parent,
            daemons=_system_setting(postfix_program, "daemon_directory"),
            uid=nobody.pw_uid,
            gid=nobody.pw_gid,
        )
    )
    (folder / "etc" / "master.cf").write_text(_MASTER.format(port=ports[0], port_without_chunking=ports[1]))
    _give(folder / "data", owner)
    _give(folder / "mail", nobody)


def _system_setting(postfix_program: Path, name: str) -> str:
    postconf = postfix_program.with_name("postconf")
    return subprocess.run([postconf, "-hd", name], check=True, capture_output=True, text=True).stdout.strip()


def _give(path: Path, owner: pwd.struct_passwd) -> None:
    os.chown(path, owner.pw_uid, owner.pw_gid)
