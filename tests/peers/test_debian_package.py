"""The Debian package, installed on a machine of its own: it serves, reloads, is renewed, and leaves next to nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.peer_machine import Machine, copied, machine
from tests.harness.peer_process import eventually, missing, program
from tests.harness.serving import certificate_folder

ROOT = Path(__file__).parents[2]
NOT_SHIPPED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
LOCAL, USERS, LOG = "/etc/gsubmit/conf.d/90-local.conf", "/etc/gsubmit/users", "/var/log/gsubmit/gsubmit.log"
CONFIGURATION = """
hostname = msa.example.org
ssl_cert = </etc/ssl/mine/cert.pem
ssl_key = </etc/ssl/mine/key.pem
service submission-login {
  process_min_avail = 2
}
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("debian") / "source"
    shutil.copytree(ROOT, source, ignore=NOT_SHIPPED, symlinks=True)
    lacks = subprocess.run(
        [program("dpkg-checkbuilddeps")], cwd=source, capture_output=True, text=True, check=False
    ).stderr
    if lacks:
        missing(lacks.strip())
    made = subprocess.run([program("make"), "deb"], cwd=source, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    (found,) = (source / "build" / "deb").glob("*.deb")
    return found


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    with machine() as made:
        yield made


@pytest.fixture(scope="module")
def served(host: Machine, package: Path) -> Machine:
    """Where it is installed, told what it needs, and started; its relay is a sink in /tmp/sink."""
    install(host, package)
    assert host.attempt("systemctl", "is-enabled", "gsubmit").output == "disabled\n"
    assert host.attempt("systemctl", "is-active", "gsubmit").output == "inactive\n"
    put_certificate(host)
    with host.path(LOCAL).open("a") as local:
        local.write(CONFIGURATION)
    stored = host.run("gsubmit", "hash-password", content=b"secret\n").splitlines()[-1]
    with host.path(USERS).open("a") as users:
        users.write(f"bob:{stored}\n")
    host.path("/run/password").write_text("secret\n")
    host.path("/tmp/sink").mkdir()
    relay = ["smtp-sink", "-u", "root", "-d", "m.", "127.0.0.1:25", "100"]
    host.run("systemd-run", "--unit=sink", "--working-directory=/tmp/sink", *relay)
    host.run("gsubmit", "check-config")
    host.run("systemctl", "enable", "--now", "gsubmit")
    return host


def install(host: Machine, package: Path) -> None:
    ran = host.attempt("dpkg", "--no-triggers", "--force-confdef", "--install", copied(package, host))
    if "dependency problems" in ran.output:
        missing(ran.output)
    assert ran.code == 0, ran.output


def put_certificate(host: Machine) -> None:
    """As root alone has them."""
    folder = host.path("/etc/ssl/mine")
    folder.mkdir(0o700, exist_ok=True)
    for name in ("cert.pem", "key.pem", "ca.pem"):
        shutil.copy(certificate_folder() / name, folder)
        (folder / name).chmod(0o600)


def main_process(host: Machine) -> str:
    return host.run("systemctl", "show", "--property=MainPID", "--value", "gsubmit")


def send(host: Machine) -> None:
    """Submit one message, which the relay gets."""
    before = len(list(host.path("/tmp/sink").iterdir()))
    envelope = ["--from", "bob@example.org", "--to", "jo@example.net"]
    login = ["--user", "bob", "--password-file", "/run/password", "--ca", "/etc/ssl/mine/ca.pem"]
    host.run("gsubmit", "send-test", "--server", "localhost", *login, *envelope)
    assert len(list(host.path("/tmp/sink").iterdir())) == before + 1


def test_it_has_what_belongs_to_a_server(package: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^-.* \.(/.*)$", listed, re.MULTILINE))
    pages = {f"/usr/share/man/man{page.suffix[1:]}/{page.name}.gz" for page in (ROOT / "man").iterdir()}
    samples = {f"/etc/gsubmit/conf.d/{sample.name}" for sample in (ROOT / "conf.d").iterdir()}
    others = {"/usr/bin/gsubmit", "/lib/systemd/system/gsubmit.service", "/usr/lib/sysusers.d/gsubmit.conf"}
    shells = {
        "/usr/share/bash-completion/completions/gsubmit",
        "/usr/share/zsh/vendor-completions/_gsubmit",
        "/usr/share/fish/vendor_completions.d/gsubmit.fish",
    }
    own = {LOCAL, "/etc/gsubmit/certificate-hook", "/etc/logrotate.d/gsubmit"}
    assert names >= pages | samples | others | shells | own
    conffiles = subprocess.run(
        ["dpkg-deb", "--info", package, "conffiles"], capture_output=True, text=True, check=True
    ).stdout
    assert set(conffiles.split()) == samples | own
    assert not [name for name in names if "@" in name or "/tests/" in name]


def test_no_word_of_a_template_is_left(served: Machine) -> None:
    files = [LOCAL, USERS, "/etc/gsubmit/certificate-hook", "/etc/logrotate.d/gsubmit"]
    for name in [*files, "/lib/systemd/system/gsubmit.service"]:
        assert not re.search("@[a-z_]+@", served.path(name).read_text()), name
    assert served.path(USERS).stat().st_mode & 0o777 == 0o640


def test_it_serves_and_never_is_root(served: Machine) -> None:
    send(served)
    status = served.run("systemctl", "status", "--no-pager", "gsubmit")
    assert re.search(r'Status: "serving on submission \* port 587, .*: 2 workers"', status)
    processes = served.run("systemctl", "show", "--property=ControlGroup", "--value", "gsubmit")
    ids = served.run("cat", f"/sys/fs/cgroup{processes}/cgroup.procs").split()
    assert len(ids) >= 3
    for number in ids:
        text = served.path(f"/proc/{number}/status").read_text()
        (user,) = re.findall(r"^Uid:\t(\d+)", text, re.MULTILINE)
        (rights,) = re.findall(r"^CapEff:\t(\w+)", text, re.MULTILINE)
        assert int(user) != 0
        assert bool(int(rights, 16)) == (number == main_process(served))  # for ports and keys of later configurations
    served.run("gsubmit", "who")


def test_a_reload_reads_a_key_of_roots(served: Machine) -> None:
    put_certificate(served)
    before = main_process(served)
    served.run("systemctl", "reload", "gsubmit")
    eventually("the reload", lambda: "settings reloaded" in served.path(LOG).read_text())
    assert "Error" not in served.path(LOG).read_text()
    assert main_process(served) == before
    send(served)


def test_its_log_is_moved_away_by_logrotate(served: Machine) -> None:
    command = re.findall("(systemctl kill .*)", served.path("/etc/logrotate.d/gsubmit").read_text())[0]
    served.path(LOG).rename(served.path(f"{LOG}.1"))
    served.run("sh", "-c", command)
    send(served)
    eventually("the new log", lambda: "Relayed" in served.path(LOG).read_text())


def test_another_version_is_started_at_once_and_what_was_changed_stays(served: Machine, package: Path) -> None:
    before = main_process(served)
    install(served, package)
    assert main_process(served) not in (before, "0")
    assert served.path(LOCAL).read_text().endswith(CONFIGURATION)


def test_a_master_that_was_killed_is_started_again_and_its_workers_end_gently(served: Machine) -> None:
    before = main_process(served)
    served.run("kill", "-KILL", before)
    eventually("another one", lambda: main_process(served) not in (before, "0"))
    served.run("systemctl", "start", "gsubmit")  # waits until it serves
    send(served)
    journal = served.run("journalctl", "--no-pager", "--unit=gsubmit")
    assert "status=9/KILL" in journal
    assert "with signal SIGKILL" not in journal


def test_systemd_opens_the_ports(served: Machine) -> None:
    served.run("systemctl", "stop", "gsubmit")
    shutil.copy(served.path("/usr/share/gsubmit/systemd/gsubmit.socket"), served.path("/etc/systemd/system"))
    served.run("systemctl", "daemon-reload")
    served.run("systemctl", "start", "gsubmit.socket")
    served.path(LOG).unlink()
    send(served)
    assert "systemd's socket" not in served.path(LOG).read_text()
    served.run("systemctl", "stop", "gsubmit.socket")  # the service goes on
    served.path("/etc/systemd/system/gsubmit.socket").unlink()
    served.run("systemctl", "daemon-reload")


def test_removed_and_purged_it_leaves_its_user(served: Machine) -> None:
    assert served.run("systemctl", "is-active", "gsubmit") == "active"
    served.run("dpkg", "--no-triggers", "--remove", "gsubmit")
    assert served.attempt("systemctl", "is-active", "gsubmit").output == "inactive\n"
    assert served.path(LOCAL).read_text().endswith(CONFIGURATION)
    served.run("dpkg", "--no-triggers", "--purge", "gsubmit")
    left = [path for path in served.changes.rglob("*") if "gsubmit" in path.name and path.exists() and not is_gap(path)]
    assert left == []
    assert served.run("getent", "passwd", "gsubmit").endswith(":/usr/sbin/nologin")


def is_gap(path: Path) -> bool:
    """Whether it says that there is no such file any more, as overlays do."""
    return path.is_char_device()
