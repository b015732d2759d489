"""Runs other people's files of cases too: `python -m tests.sieve FOLDER...`.

`-v` shows what fails; `-e` says that any number of errors is right where a case counts them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from gsubmit.sieve.errors import SieveError
from tests.sieve.running import run


def _files(name: str) -> Iterator[Path]:
    path = Path(name)
    yield from sorted(path.rglob("*.svtest")) if path.is_dir() else [path]


def main() -> None:
    """Print for each file how many cases have passed, and in all."""
    is_verbose, counts_errors = "-v" in sys.argv, "-e" not in sys.argv
    passed = failed = 0
    for path in (path for name in sys.argv[1:] if name not in ("-v", "-e") for path in _files(name)):
        try:
            cases = run(path, counts_errors=counts_errors)
        except SieveError as error:
            print(f"{path}: does not compile: {error.problems[0]}")
            failed += path.read_text(errors="replace").count("\ntest ")
            continue
        failures = [case for case in cases if case.failure]
        passed, failed = passed + len(cases) - len(failures), failed + len(failures)
        print(f"{path}: {len(cases) - len(failures)} passed, {len(failures)} failed")
        for case in failures if is_verbose else ():
            print(f"    {case.line}: {case.name}: {case.failure}")
    print(f"{passed} passed, {failed} failed")


if __name__ == "__main__":
    main()
