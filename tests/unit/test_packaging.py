"""What is installed: the program, its manual where `man` looks, the samples, and completion for shells."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.harness.loading import load_text
from tests.harness.serving import certificate_folder

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "man").iterdir())
SAMPLES = sorted((ROOT / "conf.d").iterdir())
UNITS = sorted((ROOT / "systemd").iterdir())
NOT_SHIPPED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
WITHOUT_INDEX = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]

pytestmark = pytest.mark.slow


def pip(*arguments: object) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pip", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of what an sdist holds, so that this is whole too."""
    folder = tmp_path_factory.mktemp("packaging")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_SHIPPED, symlinks=True)
    sdist = [sys.executable, "setup.py", "-q", "sdist"]
    subprocess.run(sdist, cwd=folder / "source", check=True, capture_output=True)
    (archive,) = (folder / "source" / "dist").iterdir()
    pip("wheel", *WITHOUT_INDEX, "--no-build-isolation", "-w", folder, archive)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def prefix(wheel: Path) -> Path:
    pip("install", *WITHOUT_INDEX, "--prefix", wheel.parent / "prefix", "--ignore-installed", wheel)
    return wheel.parent / "prefix"


def run(prefix: Path, *arguments: str) -> str:
    """With the installed program first in the PATH."""
    (packages,) = prefix.glob("lib/python*/site-packages")
    environment = os.environ | {"PATH": f"{prefix}/bin:{os.environ['PATH']}", "PYTHONPATH": str(packages)}
    environment.pop("MANPATH", None)
    ran = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_manual_is_installed_where_man_looks(prefix: Path, path: Path) -> None:
    installed = prefix / "share" / "man" / f"man{path.suffix[1:]}" / path.name
    assert installed.read_bytes() == path.read_bytes()
    if shutil.which("man"):
        assert run(prefix, "man", "-w", path.suffix[1:], path.stem).strip() == str(installed)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_samples_are_installed(prefix: Path, path: Path) -> None:
    assert (prefix / "share" / "gsubmit" / "conf.d" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_what_systemd_may_be_given_is_installed(prefix: Path, path: Path) -> None:
    assert (prefix / "share" / "gsubmit" / "systemd" / path.name).read_bytes() == path.read_bytes()


def test_a_container_has_ports_that_are_no_privilege(tmp_path: Path) -> None:
    written = (ROOT / "Containerfile").read_text().replace("\\\n", "")
    (command,) = re.findall("^RUN (templates=.*)$", written, re.MULTILINE)
    templates = ROOT / "cli" / "gsubmit_cli" / "templates"
    command = command.replace("/usr/lib/python3/dist-packages/gsubmit_cli/templates", str(templates))
    command = command.replace("/etc/gsubmit/conf.d", str(tmp_path)).replace("install -d -o gsubmit -g gsubmit", "echo")
    certificate = "".join(f"ssl_{what} = <{certificate_folder()}/{what}.pem\n" for what in ("cert", "key"))
    local = tmp_path / "90-local.conf"
    local.write_text((templates / "local.conf").read_text().replace("@if_user@", "#"))
    subprocess.run(["sh", "-ec", command], check=True)
    settings = load_text(local.read_text() + (tmp_path / "95-ports.conf").read_text() + certificate).settings
    assert {listener.port for listener in settings.services.inet_listeners if listener.port} == {1587, 1465}
    assert (settings.server.base_dir, settings.logging.log_path) == ("/run/gsubmit", "")


SHELLS = {
    "bash": "share/bash-completion/completions/gsubmit",
    "zsh": "share/zsh/site-functions/_gsubmit",
    "fish": "share/fish/vendor_completions.d/gsubmit.fish",
}


@pytest.mark.parametrize(("shell", "place"), SHELLS.items())
def test_completion_is_installed(prefix: Path, shell: str, place: str) -> None:
    assert f"_GSUBMIT_COMPLETE={shell}_source gsubmit" in (prefix / place).read_text()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_commands_and_options(prefix: Path) -> None:
    script = f"""
        . {prefix / SHELLS["bash"]}
        COMP_WORDS=(gsubmit send-test --serv) COMP_CWORD=2
        _gsubmit_completion gsubmit && echo "${{COMPREPLY[@]}}"
    """
    assert run(prefix, "bash", "-c", script) == "--server\n"


def test_the_package_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        said = message_from_bytes(archive.read(name))
    assert said["Summary"].startswith("A mail submission server")
    assert "submission" in said["Keywords"]
    assert "Topic :: Communications :: Email :: Mail Transport Agents" in said.get_all("Classifier", [])
    assert "License-Expression" in said or "License" in said


def test_pytest_finds_the_fixture(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        assert "[pytest11]\ngsubmit.pytest_plugin = gsubmit.pytest_plugin\n" in archive.read(name).decode()


def test_the_installed_program_runs(prefix: Path) -> None:
    assert run(prefix, "gsubmit", "--version").startswith("gsubmit, version ")


def blocks() -> list[str]:
    """What README says to type for the installation: as root, and as somebody else."""
    chapter = (ROOT / "README.md").read_text().partition("## Using it")[2]
    return re.findall(r"^```\n(.*?)^```\n", chapter, re.MULTILINE | re.DOTALL)[:2]


def test_readme_says_the_same_to_root_and_to_others() -> None:
    as_root, as_somebody = (re.sub(r" *#.*", "", block) for block in blocks())
    assert as_root == re.sub("(~|[$]HOME)/gsubmit/", "/opt/gsubmit/", as_somebody).replace(
        "~/gsubmit\n", "/opt/gsubmit\n", 1
    ).replace(" --root ~/gsubmit", "")


def test_what_readme_says_works_as_it_stands(tmp_path: Path) -> None:
    """But for the packages that pip would fetch, which are those of this interpreter."""
    shutil.copytree(ROOT, tmp_path / "source", ignore=NOT_SHIPPED, symlinks=True)
    environment = os.environ | {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": sysconfig.get_path("purelib"),
        **{f"PIP_{name}": "1" for name in ("NO_DEPS", "NO_INDEX", "IGNORE_INSTALLED", "DISABLE_PIP_VERSION_CHECK")},
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's way of saying so
    }
    script = f"set -e\n{blocks()[1]}\ncommand -v gsubmit\nman -w gsubmit-serve || true\n"
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path / "source", env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"\n{tmp_path}/gsubmit/bin/gsubmit\n" in ran.stdout
    assert f"made     {tmp_path}/gsubmit/etc/gsubmit/conf.d/90-local.conf\n" in ran.stdout
    if shutil.which("man"):
        assert ran.stdout.endswith(f"\n{tmp_path}/gsubmit/share/man/man8/gsubmit-serve.8\n")
    unit = (tmp_path / "gsubmit/etc/systemd/system/gsubmit.service").read_text()
    assert f"ExecStart={tmp_path}/gsubmit/bin/gsubmit serve -c {tmp_path}/gsubmit/etc/gsubmit/conf.d\n" in unit
