"""A Dovecot with IMAP and URLAUTH, and its own submission service with BURL on the same store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.imapclient import ImapClient, message_url
from tests.harness.peer_process import Runs, missing, need_root, program, public_folder, running
from tests.harness.ports import free_ports
from tests.harness.serving import certificate_folder

PASSWORD = "secret"
SUBMIT, PROXY = "submit", "proxy"
_IMAP = Path("/usr/lib/dovecot/imap-login")

_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap submission
listen = 127.0.0.1
first_valid_uid = 1
mail_uid = nobody
mail_gid = nogroup
mail_location = {mail_format}:{folder}/mail/%u
mail_attribute_dict = file:{folder}/mail/%u/attributes
ssl = yes
ssl_cert = <{certificates}/cert.pem
ssl_key = <{certificates}/key.pem
auth_mechanisms = plain login
auth_master_user_separator = *
auth_failure_delay = 0
imap_urlauth_host = {host}
imap_urlauth_port = {port}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
hostname = msa.example.org
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/masters
  master = yes
  result_success = continue
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission_port}
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
protocol imap {{
  mail_max_userip_connections = 0
}}
{settings}
"""


@dataclass(frozen=True)
class DovecotImap:
    """An IMAP server: STARTTLS on `port`, TLS at once on `tls_port`. Everybody's password is `secret`."""

    folder: Path
    port: int
    tls_port: int
    submission_port: int
    authority: str
    runs: Runs

    def login(self, user: str, on_behalf_of: str = "") -> ImapClient:
        """A session of the user, or of `proxy` for somebody."""
        client = ImapClient(self.port)
        try:
            return client.login(user, PASSWORD, on_behalf_of)
        except BaseException:
            client.close()
            raise

    def url(self, user: str, mailbox: str, uidvalidity: int, uid: int) -> str:
        """The URL of a message of the user's."""
        return message_url(self.authority, user, mailbox, uidvalidity, uid)

    @property
    def log(self) -> str:
        """What it logged so far."""
        return (self.folder / "log").read_text(errors="replace")


@contextmanager
def dovecot_imap(
    users: Sequence[str] = ("joe", "fred"),
    host: str = "localhost",
    relay_port: int = 0,
    mail_format: str = "maildir",
    settings: str = "",
) -> Iterator[DovecotImap]:
    """Run a Dovecot where these users have mailboxes and `proxy` logs in for anybody; what is submitted goes to a relay."""
    need_root()
    path = program("dovecot")
    if not _IMAP.exists():
        missing("dovecot-imapd is not installed")
    with public_folder("imap") as folder:
        for name in ("run", "state", "mail"):
            (folder / name).mkdir()
        (folder / "mail").chmod(0o777)
        (folder / "users").write_text("".join(f"{user}:{PASSWORD}\n" for user in (*users, SUBMIT)))
        (folder / "masters").write_text(f"{PROXY}:{PASSWORD}\n")
        port, tls_port, submission_port = free_ports(3)
        words = {
            **{"folder": folder, "certificates": certificate_folder(), "host": host, "mail_format": mail_format},
            **{"port": port, "tls_port": tls_port, "submission_port": submission_port},
            **{"relay_port": relay_port or 25, "settings": settings},
        }
        (folder / "dovecot.conf").write_text(_CONFIGURATION.format(**words))
        words_of_it: list[str | Path] = [path, "-F", "-c", folder / "dovecot.conf"]
        log, ports = folder / "log", [port, tls_port, submission_port]
        with running(words_of_it, log, ports) as process:
            runs = Runs(words_of_it, log, ports, None, process)
            yield DovecotImap(folder, port, tls_port, submission_port, f"{host}:{port}", runs)
