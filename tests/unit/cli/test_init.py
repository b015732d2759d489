"""`gsubmit init`: what it lays out is there, can be used as it is, and is never written twice."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from gsubmit_cli import init
from gsubmit_cli.auth_test import auth_test
from gsubmit_cli.check_config import check_config

from gsubmit.tls.selfsigned import self_signed
from tests.harness.commands import CliRunner, Result
from tests.harness.peer_clients import run as run_program
from tests.harness.peer_process import HOST, children, eventually, missing, program, public_folder, running
from tests.harness.ports import free_ports
from tests.harness.serving import certificate_folder

ROOT = Path(__file__).parents[3]
LOCAL = "etc/gsubmit/conf.d/90-local.conf"
LAID_OUT = {
    *(f"etc/gsubmit/conf.d/{path.name}" for path in (ROOT / "conf.d").iterdir()),
    LOCAL,
    "etc/gsubmit/users",
    "etc/gsubmit/certificate-hook",
    "etc/systemd/system/gsubmit.service",
    "etc/logrotate.d/gsubmit",
    "etc/fail2ban/jail.d/gsubmit.conf",
    "var/log/gsubmit/gsubmit.log",
}


def run(root: Path) -> Result:
    return CliRunner().invoke(init.init, ["--root", str(root)])


def found(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(params=[0, 1000], ids=["as root", "as somebody"])
def as_user(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(os, "geteuid", lambda: request.param)
    return int(request.param)


@pytest.fixture(autouse=True)
def no_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "USER", "gsubmit-that-is-not-there")


def test_an_empty_folder_gets_everything(tmp_path: Path, as_user: int) -> None:
    said = run(tmp_path)
    assert said.exit_code == 0, said.output
    assert set(found(tmp_path)) == LAID_OUT | ({"etc/gsubmit/conf.d/95-ports.conf"} if as_user else set())
    for name in found(tmp_path):
        assert f"made     {tmp_path / name}\n" in said.output
    assert "root makes it with: useradd --system" in said.output
    assert not [name for name, octets in found(tmp_path).items() if re.search(rb"@\w+@", octets)]


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "etc/gsubmit").mkdir(parents=True)
    (tmp_path / "etc/gsubmit/users").symlink_to("/nowhere/at/all")
    run(tmp_path)
    (tmp_path / LOCAL).write_text("mine")
    before = found(tmp_path)
    again = run(tmp_path)
    assert again.exit_code == 0
    assert "made" not in again.output
    assert f"kept     {tmp_path / LOCAL}\n" in again.output
    assert found(tmp_path) == before
    assert not Path("/nowhere").exists()


def test_the_unit_of_a_package_is_not_hidden(tmp_path: Path) -> None:
    packaged = tmp_path / "usr/lib/systemd/system/gsubmit.service"
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    assert f"kept     {packaged}\n" in run(tmp_path).output
    assert set(found(tmp_path)) >= LAID_OUT - {init.UNIT}
    assert init.UNIT not in found(tmp_path)


def test_the_users_file_and_the_log_are_not_for_everybody(tmp_path: Path) -> None:
    run(tmp_path)
    modes = {name: (tmp_path / name).stat().st_mode & 0o007 for name in ("etc/gsubmit/users", "var/log/gsubmit")}
    assert set(modes.values()) == {0}


def test_check_config_says_what_is_still_missing_and_then_nothing(tmp_path: Path, as_user: int) -> None:
    run(tmp_path)
    arguments = ["-c", str(tmp_path / "etc/gsubmit/conf.d")]
    missing_yet = CliRunner().invoke(check_config, arguments)
    assert "needs ssl_cert and ssl_key" in missing_yet.output
    with (tmp_path / LOCAL).open("a") as local:
        local.write(f"ssl_cert = <{certificate_folder()}/cert.pem\nssl_key = <{certificate_folder()}/key.pem\n")
    (tmp_path / "etc/gsubmit/users").write_text("bob:{PLAIN}sesame\n")
    said = CliRunner().invoke(check_config, arguments)
    assert said.exit_code == 0, said.output
    assert f"passwd-file {tmp_path}/etc/gsubmit/users" in said.output
    assert ("port 1587" in said.output) == bool(as_user)
    login = CliRunner().invoke(auth_test, ["bob", *arguments], input="sesame\n")
    assert login.exit_code == 0, login.output


def test_where_nothing_is_set_up_init_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gsubmit_cli.config.CONFIG", tmp_path / "none")
    said = CliRunner().invoke(check_config, ["-c", str(tmp_path / "none")])
    assert said.exit_code == 1
    assert "`gsubmit init` lays it out" in said.output


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        pytest.param(lambda *_, **__: None, "made     user", id="made"),
        pytest.param(FileNotFoundError(2, "No such file", "useradd"), "no user", id="no useradd"),
        pytest.param(subprocess.CalledProcessError(9, "useradd", stderr="useradd: no\n"), "useradd: no", id="failed"),
    ],
)
def test_root_makes_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outcome: Callable[..., None] | Exception, said: str
) -> None:
    asked: list[tuple[str, ...]] = []

    def useradd(arguments: tuple[str, ...], **_: object) -> None:
        asked.append(arguments)
        if isinstance(outcome, Exception):
            raise outcome

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(init, "HERE", tmp_path)
    monkeypatch.setattr(subprocess, "run", useradd)
    done = CliRunner().invoke(init.init, [])
    assert asked == [init.USERADD]
    assert said in done.output.splitlines()[0]
    assert "systemctl enable --now gsubmit" in done.output
    assert "log_path = /var/log/gsubmit/gsubmit.log" in (tmp_path / LOCAL).read_text()


def test_a_user_that_is_there_gets_what_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        missing("not root")
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(init, "USER", "nobody")
    assert "kept     user nobody" in run(tmp_path).output
    assert "\ndefault_internal_user = nobody\n" in (tmp_path / LOCAL).read_text()
    assert (tmp_path / "etc/gsubmit/users").stat().st_gid == nobody.pw_gid
    assert (tmp_path / "etc/gsubmit/users").stat().st_uid == 0
    log = tmp_path / "var/log/gsubmit/gsubmit.log"
    assert (log.stat().st_uid, log.parent.stat().st_uid) == (nobody.pw_uid, nobody.pw_uid)


def test_who_may_not_hears_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(init, "HERE", Path("/proc/none"))
    said = CliRunner().invoke(init.init, [])
    assert said.exit_code == 1
    assert "be root, or lay it out elsewhere with --root DIR" in said.output


def test_the_unit_is_one_for_systemd(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    run(tmp_path)
    ran = run_program([analyze, "verify", "--man=no", str(tmp_path / "etc/systemd/system/gsubmit.service")])
    assert (ran.code, ran.output) == (0, "")


def test_the_unit_leaves_little_to_whoever_breaks_in(tmp_path: Path) -> None:
    """What a server of mail needs costs 1.5 of 10: the network, addresses that nobody knows before, two rights."""
    analyze = program("systemd-analyze")
    run(tmp_path)
    unit = (tmp_path / "etc/systemd/system/gsubmit.service").read_text()
    (tmp_path / "gsubmit.service").write_text(unit.replace(f"User={init.USER}", "User=gsubmit"))
    ran = run_program([analyze, "security", "--offline=yes", "--no-pager", str(tmp_path / "gsubmit.service")])
    (exposure,) = re.findall("Overall exposure level for gsubmit.service: ([0-9.]+) ", ran.output)
    assert float(exposure) < 2.0


def test_the_jail_watches_the_log_with_a_filter_that_there_is(tmp_path: Path) -> None:
    regex = program("fail2ban-regex")
    run(tmp_path)
    jail = (tmp_path / "etc/fail2ban/jail.d/gsubmit.conf").read_text()
    assert f"logpath = {tmp_path}/var/log/gsubmit/gsubmit.log\n" in jail
    assert "filter = dovecot\n" in jail
    line = "Nov 26 18:40:53 submission-login: Info: Aborted login (auth failed, 1 attempts in 2 secs): user=<bob>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<a>"
    assert "1 matched" in run_program([regex, line, "dovecot"]).output


def give_ports(root: Path) -> list[int]:
    """Let the server there listen on ports that are free."""
    ports = free_ports(2)
    text = (Path(init.__file__).parent / "templates/ports.conf").read_text()
    for before, port in zip(("1587", "1465"), ports, strict=True):
        text = text.replace(before, str(port))
    text = text.replace("@root@", str(root))
    (root / "etc/gsubmit/conf.d/95-ports.conf").write_text(text)
    return ports


@pytest.mark.slow
def test_an_ordinary_user_lays_it_out_and_serves() -> None:
    """With the ports of its own, for those of a server are root's."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        missing("not root, or no setpriv")
    somebody = [program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-m", "gsubmit"]
    with public_folder("init") as folder:
        folder.chmod(0o777)
        root = folder / "root"
        ran = run_program([*somebody, "init", "--root", str(root)])
        assert ran.code == 0, ran.output
        shutil.copy(certificate_folder() / "cert.pem", folder)
        shutil.copy(certificate_folder() / "key.pem", folder)
        (folder / "key.pem").chmod(0o644)
        with (root / LOCAL).open("a") as local:
            local.write(f"ssl_cert = <{folder}/cert.pem\nssl_key = <{folder}/key.pem\n")
        ports = give_ports(root)
        with running([*somebody, "serve", "-c", str(root / "etc/gsubmit/conf.d")], folder / "output", ports):
            log = root / "var/log/gsubmit/gsubmit.log"
            eventually("the first line of the log", lambda: "serving on" in log.read_text())
        assert (folder / "output").read_text() == ""


def rights_of_the_unit(root: Path) -> list[str]:
    """A command that runs another one as the user and with the rights that systemd would give."""
    unit = dict(
        re.findall("^([A-Za-z]+)=(.*)$", (root / "etc/systemd/system/gsubmit.service").read_text(), re.MULTILINE)
    )
    assert (unit["NoNewPrivileges"], unit["CapabilityBoundingSet"]) == ("yes", unit["AmbientCapabilities"])
    rights = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in unit["AmbientCapabilities"].split())
    user = pwd.getpwnam(unit["User"])
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups", "--no-new-privs"]
    sets = ["--bounding-set", f"-all,{rights}", "--inh-caps", rights, "--ambient-caps", rights]
    return [program("setpriv"), *identity, *sets]


def shown_certificate(port: int) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((HOST, port)) as sock, context.wrap_socket(sock) as secured:
        return secured.getpeercert(binary_form=True) or b""


@pytest.mark.slow
def test_a_renewed_certificate_is_served_after_the_hook() -> None:
    """The key is root's alone; the server runs as another user, and reads what the hook has made of it."""
    if os.geteuid() != 0:
        missing("not root")
    with public_folder("renewal") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(init, "USER", "nobody")
        root, lineage, stub = folder / "root", folder / "lineage", folder / "bin/systemctl"
        run(root)
        lineage.mkdir(mode=0o700)
        stub.parent.mkdir()
        stub.write_text("#!/bin/sh\nexit 3\n")  # nothing is active yet
        stub.chmod(0o755)
        environ = {"RENEWED_LINEAGE": str(lineage), "PATH": f"{stub.parent}:{os.environ['PATH']}"}
        ports = give_ports(root)
        local = (root / LOCAL).read_text().replace("#ssl_", "ssl_")
        (root / LOCAL).write_text(local)

        def renew() -> bytes:
            certificate, key = self_signed("mail.example.org", HOST, 1)
            (lineage / "fullchain.pem").write_text(certificate)
            (lineage / "privkey.pem").write_text(key)
            (lineage / "privkey.pem").chmod(0o600)
            ran = run_program(["sh", str(root / "etc/gsubmit/certificate-hook")], environ)
            assert ran.code == 0, ran.output
            return ssl.PEM_cert_to_DER_cert(certificate)

        first = renew()
        assert (root / "etc/gsubmit/tls/privkey.pem").stat().st_mode & 0o007 == 0
        server = [*rights_of_the_unit(root), sys.executable, "-m", "gsubmit", "serve"]
        with running([*server, "-c", str(root / "etc/gsubmit/conf.d")], folder / "output", ports) as process:
            assert shown_certificate(ports[1]) == first
            stub.write_text(f'#!/bin/sh\n[ "$1" != reload ] || kill -HUP {process.pid}\n')
            second = renew()
            eventually("the renewed certificate", lambda: shown_certificate(ports[1]) == second)


@pytest.mark.slow
def test_a_key_of_roots_is_read_as_the_unit_starts_it() -> None:
    if os.geteuid() != 0:
        missing("not root")
    with public_folder("unit") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(init, "USER", "nobody")
        root, key = folder / "root", folder / "private/key.pem"
        run(root)
        ports = give_ports(root)
        key.parent.mkdir(mode=0o700)
        shutil.copy(certificate_folder() / "key.pem", key)
        key.chmod(0o600)
        shutil.copy(certificate_folder() / "cert.pem", folder)
        with (root / LOCAL).open("a") as local:
            local.write(f"ssl_cert = <{folder}/cert.pem\nssl_key = <{key}\n")
        server = [*rights_of_the_unit(root), sys.executable, "-m", "gsubmit", "serve"]
        with running([*server, "-c", str(root / "etc/gsubmit/conf.d")], folder / "output", ports) as process:
            assert shown_certificate(ports[1])
            eventually("all workers", lambda: "serving on" in (root / init.LOG).read_text())
            workers = children(process.pid)
            for number in (process.pid, *workers):
                status = Path(f"/proc/{number}/status").read_text()
                assert re.search(r"^Uid:\t65534\t65534\t65534\t65534$", status, re.MULTILINE)
                assert bool(re.search("^CapEff:\t0{16}$", status, re.MULTILINE)) == (number in workers)


def test_templates_are_a_part_of_the_package() -> None:
    names = {path.name for path in (files("gsubmit_cli") / "templates").iterdir()}
    assert set(init.FILES.values()) | {"users", "ports.conf", "certificate-hook", "conf.d"} == names
