"""`gsubmit init`: lays out what a server needs on a machine, and says what it did. It never overwrites anything."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import click

from gsubmit_cli.program import from_anywhere

HERE = Path("/")
USER = "gsubmit"
USERADD = ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER)
CONF_D = "etc/gsubmit/conf.d"
LOCAL, USERS = f"{CONF_D}/90-local.conf", "etc/gsubmit/users"
HOOK = "etc/gsubmit/certificate-hook"
LOG_FOLDER, LOG = "var/log/gsubmit", "var/log/gsubmit/gsubmit.log"
UNIT, PACKAGED_UNIT = "etc/systemd/system/gsubmit.service", "usr/lib/systemd/system/gsubmit.service"
TEMPLATES = files("gsubmit_cli") / "templates"

# Files that are the same for all, and their templates.
FILES = {
    LOCAL: "local.conf",
    UNIT: "gsubmit.service",
    "etc/logrotate.d/gsubmit": "logrotate",
    "etc/fail2ban/jail.d/gsubmit.conf": "jail.conf",
}

NEXT = """
Next:
  name the certificate and the relay in {local}
  echo "NAME:$(gsubmit hash-password)" >> {users}
  gsubmit check-config{option} --dial
  {start}"""


@click.command("init")
@click.option(
    "--root", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Lay out below this folder."
)
@click.pass_context
def init(context: click.Context, root: Path | None) -> None:
    """Lay out configuration, users file, systemd unit, log rotation and a fail2ban jail, and make the service user.

    What is there already stays as it is. With --root everything is below that folder, also as the files name it, and no
    user is made. Exit code 0 when all files are there, 1 when one could not be made.
    """
    place = HERE if root is None else root.absolute()
    try:
        for line in lay_out(place):
            click.echo(line)
    except OSError as error:
        advice = "" if root or os.geteuid() == 0 else ": be root, or lay it out elsewhere with --root DIR"
        click.echo(f"{error.filename}: {(error.strerror or '').lower()}{advice}", err=True)
        context.exit(1)
    option = f" -c {shlex.quote(str(place / CONF_D))}" if root else ""
    start = f"gsubmit serve{option}" if root else "systemctl daemon-reload && systemctl enable --now gsubmit"
    click.echo(NEXT.format(local=place / LOCAL, users=place / USERS, option=option, start=start))


def lay_out(root: Path) -> Iterator[str]:
    """Make what is missing below `root`; a line for each thing. Raises OSError."""
    is_root = os.geteuid() == 0
    yield _make_user() if is_root and root == HERE else _say_user()
    user = _user()
    owner = user if is_root else None
    words = {"@root@": "" if root == HERE else str(root), "@program@": from_anywhere()}
    words |= {"@user@": USER, "@if_user@": "" if user else "#"}
    yield from _folder(root / CONF_D)
    for sample in sorted((TEMPLATES / "conf.d").iterdir(), key=lambda sample: sample.name):
        yield from _file(root / CONF_D / sample.name, sample.read_text())
    for name, template in FILES.items():
        if name == UNIT and (root / PACKAGED_UNIT).exists():  # it would be hidden, also when it is renewed
            yield f"kept     {root / PACKAGED_UNIT}"
        else:
            yield from _file(root / name, _filled(template, words))
    if not is_root:
        yield from _file(root / CONF_D / "95-ports.conf", _filled("ports.conf", words))
    yield from _file(root / HOOK, _filled("certificate-hook", words), 0o755)
    yield from _file(root / USERS, _filled("users", words), 0o640, group=owner)
    yield from _folder(root / LOG_FOLDER, 0o750, owner)
    # There from the start, or fail2ban does not find what it has to watch.
    yield from _file(root / LOG, "", 0o640, owner, owner)


def _user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        return None


def _say_user() -> str:
    return f"kept     user {USER}" if _user() else f"no user  {USER}; root makes it with: {shlex.join(USERADD)}"


def _make_user() -> str:
    if _user():
        return _say_user()
    try:
        subprocess.run(USERADD, capture_output=True, text=True, check=True)  # noqa: S603 - nothing of it is anybody's
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no user  {USER}: {getattr(error, 'stderr', '').strip() or error}"
    return f"made     user {USER}"


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (TEMPLATES / template).read_text()
    for word, meant in words.items():
        text = text.replace(word, meant)
    return text


def _folder(path: Path, mode: int = 0o755, owner: pwd.struct_passwd | None = None) -> Iterator[str]:
    """Make a folder and those above it, if it is not there."""
    if not path.is_dir():
        path.mkdir(mode, parents=True)
        if owner:
            os.chown(path, owner.pw_uid, owner.pw_gid)
        yield f"made     {path}"


def _file(
    path: Path, text: str, mode: int = 0o644, owner: pwd.struct_passwd | None = None,
    group: pwd.struct_passwd | None = None,
) -> Iterator[str]:  # fmt: skip
    """Make a file, and its folder; one that is there, if only as a link to nowhere, is left alone."""
    yield from _folder(path.parent)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        yield f"kept     {path}"
        return
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - it is open
        os.fchown(descriptor, owner.pw_uid if owner else -1, group.pw_gid if group else -1)
        file.write(text)
    yield f"made     {path}"
