"""What the server does as a process: its standard error and its limits."""

from __future__ import annotations

import resource
import socket
import ssl

from tests.harness.clienthello import client_hello
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_process import HOST, eventually
from tests.harness.ports import free_ports

FEW = 256  # descriptors
NO_TEXT = (b"\xff\xfe.example", b"xn--\xe9.example", b"caf\xc3\xa9.example")
ALERT = b"\x15"  # the type of its record
# Names are chosen from only when there is one.
LOCAL_NAME = """
local_name mail.example.org {
  ssl_cert = <{certificates}/cert.pem
  ssl_key = <{certificates}/key.pem
}
"""


def shakes_hands(server: Gsubmit) -> bool:
    context = ssl.create_default_context(cafile=str(server.ca))
    sock = socket.create_connection((HOST, server.tls_port), 10)
    with context.wrap_socket(sock, server_hostname="localhost") as secured:
        return secured.recv(3) == b"220"


def test_a_tls_name_that_is_no_text_is_one_line_of_the_log() -> None:
    """Python can raise it to nobody; its own way is a traceback on standard error."""
    (relay_port,) = free_ports(1)
    with gsubmit(relay_port, LOCAL_NAME) as server:
        for name in NO_TEXT:
            with socket.create_connection((HOST, server.tls_port), 10) as sock:
                sock.sendall(client_hello(name))
                assert sock.recv(1000)[:1] == ALERT
        assert shakes_hands(server)
        eventually("the lines", lambda: server.log_so_far.count("UnicodeDecodeError") == len(NO_TEXT))
        lines = [line for line in server.log.splitlines() if "UnicodeDecodeError" in line]
        assert [": Warning: ignored: UnicodeDecodeError: " in line for line in lines] == [True] * len(NO_TEXT), lines
        assert "Traceback" not in server.log
        assert "Exception ignored" not in server.log


def test_all_descriptors_that_may_be_had_are_taken() -> None:
    """A shell's usual limit of 1024 is for fewer clients than process_limit lets in."""
    (relay_port,) = free_ports(1)
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, most))
    try:
        with gsubmit(relay_port) as server:
            eventually("the start", lambda: "serving on " in server.log_so_far)  # its ports are open before
            assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
