"""Servers that Debian does not install beside Postfix: unpacked by `make peers`, run in a root folder of their own.

Their paths and users are compiled in, so each gets the system's libraries, its own /etc, /var and /run, and its own
package's /usr/sbin and /usr/libexec, all mounted for it alone: nothing of it is seen from outside.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.harness.peer_process import missing, need_root, program, running

UNPACKED = Path(__file__).parents[2] / ".venv" / "peers"
SHARED = ("usr/lib", "usr/lib64", "usr/bin", "usr/share", "dev", "proc")
OF_PACKAGE = ("usr/sbin", "usr/libexec")
MERGED = ("lib", "lib64", "bin", "sbin")

_ENTER = """
root=$1; shift
while [ "$1" != -- ]; do mount --rbind "$1" "$root/$2"; shift 2; done
shift
exec chroot "$root" "$@"
"""


def new_root(folder: Path, users: Mapping[str, int]) -> Path:
    """A root folder with these users, each with a group of the same name and number."""
    root = folder / "root"
    for name in ("etc", "run", "tmp", "var/mail", "var/spool", "var/lib", "var/log", "usr"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "var" / "run").symlink_to("../run")
    for name in MERGED:
        (root / name).symlink_to(f"usr/{name}")
    accounts = {"root": 0, "nobody": 65534, **users}
    (root / "etc" / "passwd").write_text(
        "".join(f"{name}:x:{number}:{number}::/:/bin/sh\n" for name, number in accounts.items())
    )
    (root / "etc" / "group").write_text("mail:x:8:\n" + "".join(f"{name}:x:{n}:\n" for name, n in accounts.items()))
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost relay.example.org\n")
    return root


@contextmanager
def rooted(
    package: str, root: Path, arguments: Sequence[str], ports: Sequence[int]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of the package in the root folder, its output in `log` beside it."""
    need_root()
    unpacked = UNPACKED / package
    if not unpacked.is_dir():
        missing(f"{package} is not unpacked, see `make peers`")
    mounts = [(Path("/") / name, name) for name in SHARED] + [(unpacked / name, name) for name in OF_PACKAGE]
    there = [(str(source), name) for source, name in mounts if source.is_dir()]
    for _, name in there:
        (root / name).mkdir(parents=True, exist_ok=True)
    words = [word for mount in there for word in mount]
    enter = [program("unshare"), "--mount", "sh", "-ec", _ENTER, "sh", str(root), *words, "--", *arguments]
    with running(enter, root.parent / "log", ports) as process:
        yield process


def stored_messages(maildir: Path) -> list[bytes]:
    """What lies in a Maildir."""
    return [path.read_bytes() for path in sorted((maildir / "new").glob("*"))]
