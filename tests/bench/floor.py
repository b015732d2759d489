"""The floor: a gevent proxy that checks nothing and only copies octets between client and relay. A program.

    floor.py PORT RELAY_PORT

It answers nothing itself, so its clients do not log in. What gsubmit costs above it is the price of the work done.
"""

from __future__ import annotations

import sys
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, socket

import gevent
from gevent import monkey
from gevent.server import StreamServer

HOST = "127.0.0.1"
BLOCK = 65536


def copy(source: socket, target: socket) -> None:
    """Until the source ends."""
    try:
        while octets := source.recv(BLOCK):
            target.sendall(octets)
    except OSError:
        pass
    finally:
        target.close()


def main() -> None:
    """Serve until a signal ends the process."""
    monkey.patch_all()
    port, relay_port = map(int, sys.argv[1:])

    def handle(client: socket, _: object) -> None:
        with create_connection((HOST, relay_port)) as relay:
            for sock in (client, relay):
                sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            back = gevent.spawn(copy, relay, client)
            copy(client, relay)
            back.join()

    StreamServer((HOST, port), handle, backlog=1024).serve_forever()


if __name__ == "__main__":
    main()
