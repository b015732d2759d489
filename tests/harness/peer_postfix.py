"""A Postfix of the tests' own: its configuration, queue and mailboxes in one temporary folder."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.peer_process import eventually, need_root, program, public_folder, running
from tests.harness.ports import free_ports
from tests.harness.serving import certificate_folder

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
virtual_mailbox_maps = inline:{{ {{ sender@example.org = sender/ }} }}, static:box/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
message_size_limit = 50000000
smtpd_client_connection_rate_limit = 0
smtpd_tls_cert_file = {certificates}/cert.pem
smtpd_tls_key_file = {certificates}/key.pem
smtpd_tls_loglevel = 1
"""

_LISTENER = """
127.0.0.1:{port} inet n - n - - smtpd
{options}"""

_MASTER = """
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""

# Settings of an SMTP server beside the one without any.
USUAL: Mapping[str, Mapping[str, str]] = {"no-chunking": {"smtpd_discard_ehlo_keywords": "chunking"}}


@dataclass(frozen=True)
class Postfix:
    """A relay that delivers everything for example.org into the Maildir `box`, but mail to the sender into `sender`."""

    folder: Path
    port: int
    ports: Mapping[str, int]  # of its servers with settings of their own, by their names
    process: subprocess.Popen[bytes]

    @property
    def port_without_chunking(self) -> int:
        """One of the usual servers."""
        return self.ports["no-chunking"]

    @property
    def log(self) -> str:
        """What it logged so far."""
        return (self.folder / "log").read_text()

    def next_message(self, mailbox: str = "box") -> bytes:
        """Wait for a message, and take it out of the mailbox (line ends are LF)."""
        new = self.folder / "mail" / mailbox / "new"
        path = eventually("delivery by Postfix", lambda: next(iter(sorted(new.glob("*"))), None))
        assert path is not None
        content = path.read_bytes()
        path.unlink()
        return content

    def empty(self) -> None:
        """Take away what an earlier test has left."""
        for path in self.folder.glob("mail/*/new/*"):
            path.unlink()


@contextmanager
def postfix(servers: Mapping[str, Mapping[str, str]] = USUAL) -> Iterator[Postfix]:
    """Run a Postfix with these servers, and end it with everything that it started."""
    need_root()
    postfix_program = Path(program("postfix"))
    with public_folder("postfix") as folder:
        port, *others = ports = free_ports(1 + len(servers))
        _prepare(folder, postfix_program, dict(zip(ports, ({}, *servers.values()), strict=True)))
        with running([postfix_program, "-c", folder / "etc", "start-fg"], folder / "log", ports) as process:
            try:
                yield Postfix(folder, port, dict(zip(servers, others, strict=True)), process)
            finally:  # master leads a process group of its own
                subprocess.run([postfix_program, "-c", folder / "etc", "abort"], capture_output=True, check=False)


def _prepare(folder: Path, postfix_program: Path, servers: Mapping[int, Mapping[str, str]]) -> None:
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
            certificates=certificate_folder(),
        )
    )
    listeners = [
        _LISTENER.format(
            port=port, options="".join(f"  -o {{ {name} = {value} }}\n" for name, value in options.items())
        )
        for port, options in servers.items()
    ]
    (folder / "etc" / "master.cf").write_text("".join([*listeners, _MASTER]))
    _give(folder / "data", owner)
    _give(folder / "mail", nobody)


def _system_setting(postfix_program: Path, name: str) -> str:
    postconf = postfix_program.with_name("postconf")
    return subprocess.run([postconf, "-hd", name], check=True, capture_output=True, text=True).stdout.strip()


def _give(path: Path, owner: pwd.struct_passwd) -> None:
    os.chown(path, owner.pw_uid, owner.pw_gid)
