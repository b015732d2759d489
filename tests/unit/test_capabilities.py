"""What a process may do that a unit gave rights of root, and what it may do once it serves."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.harness.peer_process import missing, program

# Shows its rights before and after, those of a thread that it starts, and what another program would have.
PROGRAM = """
import re, subprocess, threading
from pathlib import Path
from gsubmit.app import process
def rights():
    status = Path("/proc/thread-self/status").read_text()
    return [int(number, 16) for number in re.findall("^Cap(?:Inh|Prm|Eff|Amb):\\\\s*(.*)$", status, re.MULTILINE)]
print(rights())
process.become(None)
print(rights())
thread = threading.Thread(target=lambda: print(rights(), flush=True))
thread.start()
thread.join()
print(subprocess.run(["grep", "CapEff", "/proc/self/status"], capture_output=True, text=True).stdout)
"""
SYSTEMD = ["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]


def test_rights_for_the_start_are_given_up() -> None:
    if os.geteuid() != 0:
        missing("not root")
    some = "+net_bind_service,+dac_read_search"
    given = ["--bounding-set", f"-all,{some}", "--inh-caps", some, "--ambient-caps", some]
    command = [program("setpriv"), *SYSTEMD, *given, sys.executable, "-c", PROGRAM]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=os.getcwd())
    assert ran.returncode == 0, ran.stderr
    before, after, of_thread, of_program = ran.stdout.splitlines()[:4]
    assert before == str([1 << 10 | 1 << 2] * 4)
    assert after == of_thread == "[0, 0, 0, 0]"
    assert int(of_program.split()[1], 16) == 0


def test_who_has_none_gives_up_none() -> None:
    if os.geteuid() != 0:
        missing("not root")
    command = [program("setpriv"), *SYSTEMD, sys.executable, "-c", PROGRAM]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=os.getcwd())
    assert ran.stdout.splitlines()[1:3] == ["[0, 0, 0, 0]"] * 2
