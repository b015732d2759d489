"""A Cyrus IMAP server of the tests' own: the store that resolves `submit+` URLs, as BURL needs it.

Debian allows one IMAP server at a time, so Cyrus is unpacked beside Dovecot by `make peers`, never installed: no
service, no user, nothing in /etc. Copies of its programs lie in the temporary folder, where `nobody` can run them.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.imapclient import ImapClient, message_url
from tests.harness.peer_process import Runs, missing, need_root, public_folder, running
from tests.harness.peer_root import UNPACKED
from tests.harness.ports import free_ports
from tests.harness.serving import certificate_folder

PASSWORD = "secret"
SUBMIT, PROXY, ADMIN = "submit", "proxy", "cyrus"
_USER, _GROUP = "nobody", "nogroup"
_FOLDERS = ("config/db", "config/proc", "config/socket")

_IMAPD = """\
configdirectory: {folder}/config
partition-default: {folder}/spool
defaultpartition: default
cyrus_user: {user}
cyrus_group: {group}
servername: {servername}
virtdomains: userid
admins: {admin}
proxyservers: {proxy}
submitservers: {submit}
autocreate_quota: 0
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb
sasl_mech_list: PLAIN
tls_server_cert: {folder}/cert.pem
tls_server_key: {folder}/key.pem
failedloginpause: 0
{settings}
"""

_MASTER = """\
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{bin}/imapd -C {folder}/imapd.conf" listen="127.0.0.1:{port}" prefork=1
  imaps cmd="{bin}/imapd -C {folder}/imapd.conf -s" listen="127.0.0.1:{tls_port}" prefork=0
}}
EVENTS {{
}}
"""


@dataclass(frozen=True)
class Cyrus:
    """An IMAP server: STARTTLS on `port`, TLS at once on `tls_port`. Everybody's password is `secret`."""

    folder: Path
    port: int
    tls_port: int
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
        """What it heard from each user and said, so far."""
        files = sorted((self.folder / "config" / "log").glob("*/*"))
        return "".join(f"--- {path.parent.name}\n{path.read_text(errors='replace')}" for path in files)


@contextmanager
def cyrus(users: Sequence[str] = ("joe", "fred"), host: str = "localhost", settings: str = "") -> Iterator[Cyrus]:
    """Run a Cyrus where these users have mailboxes, `submit` resolves URLs, and `proxy` logs in for anybody."""
    need_root()
    with public_folder("cyrus") as folder:
        programs = _programs(folder)
        environ = {"LD_LIBRARY_PATH": str(next(programs.glob("*-linux-*")))}
        port, tls_port = free_ports(2)
        authority = f"{host}:{port}"  # Cyrus compares its servername with the URL's host and port
        words = {
            **{"folder": folder, "bin": programs / "cyrus" / "bin", "port": port, "tls_port": tls_port},
            **{"user": _USER, "group": _GROUP, "admin": ADMIN, "proxy": PROXY, "submit": SUBMIT},
            **{"servername": authority, "settings": settings},
        }
        (folder / "imapd.conf").write_text(_IMAPD.format(**words))
        (folder / "cyrus.conf").write_text(_MASTER.format(**words))
        for name in ("cert.pem", "key.pem"):
            shutil.copyfile(certificate_folder() / name, folder / name)
        everybody = [*users, SUBMIT, PROXY, ADMIN]
        for name in ("spool", *_FOLDERS, *(f"config/log/{user}" for user in everybody)):
            (folder / name).mkdir(parents=True)
        for user in everybody:
            _add_user(folder, user, authority)
        _give_away(folder)
        master: list[str | Path] = [programs / "cyrus" / "bin" / "master", "-D", "-p", folder / "pid"]
        master += ["-C", folder / "imapd.conf", "-M", folder / "cyrus.conf"]
        log, ports = folder / "log", [port, tls_port]
        with running(master, log, ports, environ) as process:
            yield Cyrus(folder, port, tls_port, authority, Runs(master, log, ports, environ, process))


def _programs(folder: Path) -> Path:
    for package in ("cyrus-common", "cyrus-imapd"):
        if not (UNPACKED / package).is_dir():
            missing(f"{package} is not unpacked, see `make peers`")
        shutil.copytree(UNPACKED / package / "usr" / "lib", folder / "lib", symlinks=True, dirs_exist_ok=True)
    return folder / "lib"


def _add_user(folder: Path, user: str, realm: str) -> None:
    program = UNPACKED / "sasl2-bin" / "usr" / "sbin" / "saslpasswd2"
    if not program.is_file():
        missing("sasl2-bin is not unpacked, see `make peers`")
    command: list[str | Path] = [program, "-p", "-c", "-f", folder / "sasldb", "-u", realm, user]
    subprocess.run(command, input=PASSWORD.encode(), check=True, capture_output=True)


def _give_away(folder: Path) -> None:
    for path in (folder / "sasldb", folder / "key.pem", folder / "spool", *(folder / "config").rglob("*")):
        shutil.chown(path, _USER, _GROUP)
    shutil.chown(folder / "config", _USER, _GROUP)
