"""Clients that submit one message after the other: `python -m tests.bench.fast PORT CLIENTS SECONDS`.

Prints the milliseconds of each message. A process of its own, so that it waits for the server and for nothing else.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402 - after the patch
import ssl  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from contextlib import suppress  # noqa: E402

import gevent  # noqa: E402

from tests.bench.load import Load, log_in  # noqa: E402


def main() -> None:
    """A line for each message."""
    port, clients, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with suppress(PermissionError):
        os.nice(-10)  # it wakes up in time, whatever else goes on on its CPU
    context, load, waits = ssl.create_default_context(), Load("", 1), []
    end = time.monotonic() + seconds

    def client() -> None:
        sock, replies = log_in(port, context, tls=False)
        while (began := time.monotonic()) < end:
            load.submit(sock, replies)
            waits.append((time.monotonic() - began) * 1000)
        replies.close()
        sock.close()

    gevent.joinall([gevent.spawn(client) for _ in range(clients)], raise_error=True)
    print("\n".join(map(str, waits)))


if __name__ == "__main__":
    main()
