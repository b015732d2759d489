"""How long hostile Sieve scripts hold the processor between two turns: `python -m tests.bench.turns`.

Another greenlet notes each time that it gets its turn; milliseconds of processor time, so that a busy machine does not
count. Last the seconds that the script takes in all, without the rest that a server gives to others.
"""

from __future__ import annotations

import time
from contextlib import suppress

import gevent

from gsubmit.fairness import let_others_run
from gsubmit.scripts.mail import DraftMail
from gsubmit.sieve import regex
from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.mail import World
from gsubmit.sieve.script import Source, compile_script
from tests.unit.scripts.messages import close_all, draft_of
from tests.unit.sieve.hostile import CASES, WITH_REGEX, Case


class Watch:
    """The longest time between two turns of its own."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.last = time.process_time()

    def run(self) -> None:
        """For ever."""
        while True:
            now = time.process_time()
            self.longest = max(self.longest, now - self.last)
            self.last = now
            gevent.sleep(0)


def run(case: Case) -> None:
    """Compile it and run it on its message."""

    def find(name: str, is_global: bool) -> Source | None:
        text = case.scripts.get(name)
        return None if text is None else Source(name, text)

    with suppress(SieveError):
        script = compile_script(case.script, "script", find=find, pause=let_others_run)
        mail = DraftMail(draft_of(case.message.replace("\n", "\r\n").encode()))
        script.run(mail, World(pause=let_others_run))


def measure(name: str, case: Case) -> None:
    """Print a line."""
    watch = Watch()
    other = gevent.spawn(watch.run)
    gevent.sleep(0.01)
    watch.longest, began = 0.0, time.process_time()
    run(case)
    took = time.process_time() - began
    gevent.sleep(0.01)
    other.kill()
    close_all()
    print(f"{name:40}{watch.longest * 1000:8.1f} ms{took:8.2f} s", flush=True)


def main() -> None:
    """All of them."""
    for name, case in {**CASES, **(WITH_REGEX if regex.IS_THERE else {})}.items():
        measure(name, case)


if __name__ == "__main__":
    main()
