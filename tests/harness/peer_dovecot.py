"""A Dovecot submission service of the tests' own, and a configuration file as people have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.peer_process import eventually, need_root, program, public_folder, running
from tests.harness.ports import free_ports
from tests.harness.serving import certificate_folder

# With what a whole mail server has besides submission: mail_location, userdb, plugins, namespaces, other services.
_CONFIGURATION = """\
# A mail server's configuration
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = submission
listen = 127.0.0.1
instance_name = gsubmit-tests
first_valid_uid = 1
mail_uid = nobody
mail_gid = nogroup
mail_location = maildir:{folder}/mail/%u
mail_privileged_group = mail
mail_plugins = $mail_plugins quota

ssl = yes
ssl_cert = <{certificates}/cert.pem
ssl_key = <{certificates}/key.pem
ssl_min_protocol = TLSv1.2
ssl_prefer_server_ciphers = yes

disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_username_format = %Lu
auth_failure_delay = 1 secs

hostname = msa.example.org
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
submission_max_mail_size = 40 M

passdb {{
  {passdb}
}}

userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}

namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
}}

plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=1G
}}

service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
  inet_listener submissions {{
    port = {tls_port}
    ssl = yes
  }}
}}

service submission {{
  process_limit = 64
}}

service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}

protocol submission {{
  login_greeting = Ready.
  mail_max_userip_connections = 20
}}

protocol imap {{
  imap_idle_notify_interval = 2 mins
}}
{settings}
"""

_USERS = "driver = passwd-file\n  args = scheme=PLAIN username_format=%u {folder}/users"

_ONLY_AUTH = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain login scram-sha-1 scram-sha-256
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


@dataclass(frozen=True)
class Configured:
    """A configuration file, and the ports that it names."""

    folder: Path
    path: Path
    port: int
    tls_port: int

    @property
    def log(self) -> str:
        """What it logged so far."""
        return (self.folder / "dovecot.log").read_text()

    @property
    def ca(self) -> Path:
        """Whom clients have to trust."""
        return certificate_folder() / "ca.pem"


def configured(folder: Path, relay_port: int, settings: str = "", passdb: str = _USERS) -> Configured:
    """Write the configuration, with the users `user` and `user@example.org`, password `secret`."""
    certificates = certificate_folder()
    for name in ("run", "state", "mail"):
        (folder / name).mkdir()
    (folder / "mail").chmod(0o777)
    (folder / "users").write_text((certificates / "users").read_text().replace("{PLAIN}", ""))
    port, tls_port = free_ports(2)
    path = folder / "dovecot.conf"
    path.write_text(
        _CONFIGURATION.format(
            **{"folder": folder, "certificates": certificates, "relay_port": relay_port, "settings": settings},
            **{"port": port, "tls_port": tls_port, "passdb": passdb.format(folder=folder)},
        )
    )
    return Configured(folder, path, port, tls_port)


@contextmanager
def dovecot(relay_port: int, settings: str = "", passdb: str = _USERS) -> Iterator[Configured]:
    """Run Dovecot's submission service in front of a relay, or whatever the passdb says."""
    need_root()
    path = program("dovecot")
    with public_folder("dovecot") as folder:
        server = configured(folder, relay_port, settings, passdb)
        with running([path, "-F", "-c", server.path], folder / "log", [server.port, server.tls_port]):
            yield server


@contextmanager
def dovecot_auth(users: Mapping[str, str]) -> Iterator[Path]:
    """Run Dovecot for nothing but logins; the socket where Postfix asks whether a password is right."""
    need_root()
    path = program("dovecot")
    with public_folder("auth") as folder:
        for name in ("run", "state"):
            (folder / name).mkdir()
        (folder / "users").write_text("".join(f"{user}:{password}\n" for user, password in users.items()))
        (folder / "dovecot.conf").write_text(_ONLY_AUTH.format(folder=folder))
        with running([path, "-F", "-c", folder / "dovecot.conf"], folder / "log"):
            eventually("Dovecot's socket", (folder / "auth").exists)
            yield folder / "auth"
