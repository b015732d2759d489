"""What others wait while a user's Sieve script works as hard as it can: `python -m tests.bench sieve`.

One client sends a message after the other through a script that was made to hurt; the columns are those of the attacks,
of sessions of others with a message. The last one is how long that client waits for the reply to its own message.
"""

from __future__ import annotations

import smtplib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.bench.attacks import SETTINGS, Client
from tests.harness.peer_gsubmit import ONE_WORKER, gsubmit
from tests.harness.peer_process import HOST
from tests.harness.peer_sink import sink

SERVER = "submission_sieve = {folder}/%n.sieve\n"
_PARTS = "".join(f"--b\r\nContent-Type: text/plain; name=p{at}\r\n\r\n{'text ' * 200}\r\n" for at in range(900))
MESSAGE = (
    "From: odd@example.org\r\nSubject: " + "a" * 800 + "\r\nX-Long: " + "\r\n ".join(["a" * 900] * 200) + "\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + _PARTS + "--b--\r\n"
).encode()
_UNICODE = """require ["body", "comparator-i;unicode-casemap"];
    if body :comparator "i;unicode-casemap" :contains "zz" { }
    """
_TEXT = b"MIME-Version: 1.0\r\nContent-Type: text/%b; charset=utf-8\r\n\r\n"
CASES = {
    "no script": "",
    "keep": "keep;",
    "loops over parts": """require ["foreverypart", "mime"]; foreverypart { foreverypart { foreverypart {
        if header :mime :anychild :contains "content-type" "x" { } } } }
        """
    + 'if header :mime :anychild :matches "content-type" "*x*y*z*" { }\n' * 2000,
    "10000 tests": "if anyof(" + 'header "x-a" "b", ' * 10_000 + "false) { }\n",
    "wildcards": 'if header :matches "x-long" "' + "*a?" * 300 + 'b" { }\n' * 1000,
    "bodies": 'require "body";\n' + 'if body :matches "*x?y*z*a?b" { }\n' * 1000,
    "1 MB of variables": 'require "variables";\nset "a" "'
    + "x" * 4000
    + '";\n'
    + "".join(f'set "v{at}" "${{a}}";\n' for at in range(254))
    + ('if string :contains "' + "".join(f"${{v{at}}}" for at in range(254)) + '" "y" { }\n') * 130,
    "includes": 'require "include"; include "odd";',
    "100 redirects": "".join(f'redirect :copy "a{at}@example.org";' for at in range(100)),
    "regex": 'require "regex";\n' + 'if header :regex "x-long" "(a*)*b" { }\n' * 1000,
    "256 KB script": 'if header "subject" "x" { keep; }\n' * 7_600,
    "256 KB of comments": "/* x */ " * 32_000,
    "edits": 'require "editheader";\n' + 'addheader "X-A" "b"; deleteheader "X-A";\n' * 5000,
    "marks": _UNICODE,
    "letters of two": _UNICODE,
    "octets": 'require "body";\nif body :raw "zz" { }\n',
    "HTML": 'require "body";\nif body "zz" { }\n',
    "spaces": 'require ["editheader", "variables"];\nset "a" "' + " " * 4000 + '"; addheader "X" "${a}b";\n',
    "lists": 'require "variables";\nset "a" "'
    + "\U0001f600" * 4000
    + '"; if string "x" ["'
    + "${a}" * 250
    + '", "y"] { }\n',
}
MESSAGES = {
    "marks": _TEXT % b"plain" + "\u0315\u0300".encode() * 250_000,
    "letters of two": _TEXT % b"plain" + "\u01c4\ufb03\u00df".encode() * 140_000,
    "octets": _TEXT % b"plain" + b"\xe9" * 1_000_000,
    "HTML": _TEXT % b"html" + "\u2039".encode() * 330_000,
}


def measure() -> None:
    """Print a line for each script."""
    print(f"{'a script with':20}{'p50':>8}{'p99':>8}{'longest':>9}{'reply':>9}{'refused':>9}   ms{'its own':>9} s")
    for name, script in CASES.items():
        files = {"odd.sieve": script} if script else {}
        with (
            sink(dump=False) as relay,
            gsubmit(relay.port, SETTINGS + ONE_WORKER + SERVER, files) as server,
            _odd_client(server.port, MESSAGES.get(name, MESSAGE)) as waits,
        ):
            waited = Client("mail", server.port).waited()
        print(f"{name:20}{waited}{max(waits, default=0):12.2f}", flush=True)


@contextmanager
def _odd_client(port: int, message: bytes) -> Iterator[list[float]]:
    is_over, waits = threading.Event(), list[float]()
    sending = threading.Thread(target=_send, args=(port, message, is_over, waits))
    sending.start()
    try:
        yield waits
    finally:
        is_over.set()
        sending.join()


def _send(port: int, message: bytes, is_over: threading.Event, waits: list[float]) -> None:
    while not is_over.wait(0.1):
        began = time.monotonic()
        with suppress(smtplib.SMTPException, OSError), smtplib.SMTP(HOST, port, "odd.example.org", 120.0) as client:
            client.login("odd@example.org", "secret")
            client.sendmail("odd@example.org", ["b@example.org"], message)
        waits.append(time.monotonic() - began)
