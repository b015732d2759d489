"""An Exim of the tests' own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.peer_process import public_folder
from tests.harness.peer_root import new_root, rooted, stored_messages
from tests.harness.ports import free_ports
from tests.harness.serving import certificate_folder

_USER, _NAME = 5004, "Debian-exim"
_CONFIGURATION = """
primary_hostname = relay.example.org
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
domainlist local_domains = example.org
acl_smtp_rcpt = recipient
acl_smtp_data = accept
tls_advertise_hosts = *
tls_certificate = /etc/cert.pem
tls_privatekey = /etc/key.pem
host_lookup =
rfc1413_hosts =
chunking_advertise_hosts = *
dsn_advertise_hosts = *
prdr_enable = true
smtputf8_advertise_hosts = *
message_size_limit = 50M
smtp_accept_max_per_connection = {mails}
never_users =
log_file_path = /var/log/exim4/%s

begin acl
recipient:
  accept domains = +local_domains
  deny message = relay not permitted

begin routers
everybody:
  driver = accept
  transport = box

begin transports
box:
  driver = appendfile
  directory = /var/mail/box
  maildir_format
  create_directory
  user = nobody
  group = nogroup
  return_path_add
  delivery_date_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{ {{eq{{$auth2}}{{user@example.org}}}} {{eq{{$auth3}}{{secret}}}} }}}}
  server_set_id = $auth2
"""


@dataclass(frozen=True)
class Exim:
    """A relay for example.org, which closes a connection after some messages."""

    folder: Path
    port: int

    @property
    def log(self) -> str:
        """What it logged so far."""
        return (self.folder / "root/var/log/exim4/main").read_text()

    @property
    def messages(self) -> list[bytes]:
        """What was delivered so far."""
        return stored_messages(self.folder / "root" / "var" / "mail" / "box")


@contextmanager
def exim(mails: int = 1000) -> Iterator[Exim]:
    """Run an Exim that takes so many messages on one connection."""
    with public_folder("exim") as folder:
        root = new_root(folder, {_NAME: _USER, "nogroup": 65534})
        (root / "var/mail").chmod(0o777)
        for name in ("var/spool/exim4", "var/log/exim4", "run/exim4"):
            (root / name).mkdir()
            os.chown(root / name, _USER, _USER)
        for name in ("cert.pem", "key.pem"):
            shutil.copyfile(certificate_folder() / name, root / "etc" / name)
            os.chmod(root / "etc" / name, 0o644)
        (port,) = free_ports(1)
        (root / "etc/exim4").mkdir()
        (root / "etc/exim4/exim4.conf").write_text(_CONFIGURATION.format(port=port, mails=mails))
        with rooted("exim4-daemon-light", root, ["/usr/sbin/exim4", "-bdf", "-q30m"], [port]):
            yield Exim(folder, port)
