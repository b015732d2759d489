"""`gsubmit hash-password`: what it makes, verifies and refuses, on a terminal and without one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from gsubmit_cli.main import main

from gsubmit.auth.schemes.stored import parse
from gsubmit.auth.schemes.table import SCHEMES
from tests.harness.commands import CliRunner, Result

FAST = ["-s", "SSHA256"]
STORED = "{SSHA256}2YF3kpF2WTiV0xaRov2s6Ram7xme8GSZTiCeX/d0dq3K7xpO"


def run(*arguments: str, typed: str | bytes = "secret\n") -> Result:
    return CliRunner().invoke(main, ["hash-password", *arguments], input=typed)


def test_default() -> None:
    done = run()
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$")
    assert parse(done.stdout.removesuffix("\n"), "CRYPT").matches("secret")


@pytest.mark.parametrize(
    ("typed", "password"),
    [
        pytest.param("secret\n", "secret", id="line"),
        pytest.param("secret", "secret", id="without an end"),
        pytest.param("secret\r\n", "secret", id="CRLF"),
        pytest.param("secret\nmore\n", "secret", id="one line only"),
        pytest.param(" sec ret \n", " sec ret ", id="spaces"),
        pytest.param("pässwörd\n", "pässwörd", id="UTF-8"),
    ],
)
def test_standard_input(typed: str, password: str) -> None:
    done = run(*FAST, typed=typed)
    assert (done.exit_code, done.stderr) == (0, "")
    assert parse(done.stdout.removesuffix("\n"), "CRYPT").matches(password)


def test_options() -> None:
    assert run("-s", "blf-crypt", "-r", "4").stdout.startswith("{BLF-CRYPT}$2y$04$")
    assert run("--scheme", "PBKDF2.b64", "--rounds", "1").stdout.startswith("{PBKDF2.B64}JDEk")
    made = run("-s", "DIGEST-MD5", "-u", "user@example.org").stdout
    assert made == "{DIGEST-MD5}a9832fed4a7567b40e43443f9f30c272\n"


@pytest.mark.parametrize(
    ("stored", "user", "typed", "exit_code", "said"),
    [
        pytest.param(STORED, "", "secret\n", 0, "verified\n", id="right"),
        pytest.param(STORED, "", "Secret\n", 1, "not verified\n", id="wrong"),
        pytest.param("{PLAIN}", "", "\n", 0, "verified\n", id="empty"),
        pytest.param("{DIGEST-MD5}a9832fed4a7567b40e43443f9f30c272", "user@example.org", "secret\n", 0, "verified\n",
                     id="with a user"),
        pytest.param("$5$UKVFe1x8U4ZjcSpi$J9YPkWRdLBEKKD9HqcabGjQ.SsDExGKz.kylF35lnN.", "", "secret\n", 0, "verified\n",
                     id="CRYPT without a scheme"),
    ],
)  # fmt: skip
def test_test(stored: str, user: str, typed: str, exit_code: int, said: str) -> None:
    done = run("-t", stored, "-u", user, typed=typed)
    assert (done.exit_code, done.stdout, done.stderr) == (exit_code, said, "")


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        pytest.param(["-s", "NO-SUCH"], "secret\n", "unknown password scheme", id="scheme"),
        pytest.param(["-s", "SSHA.rot13"], "secret\n", "unknown encoding of a password scheme", id="encoding"),
        pytest.param(["-s", "SSHA", "-r", "5"], "secret\n", "SSHA has no rounds", id="no rounds"),
        pytest.param(["-s", "BLF-CRYPT", "-r", "99"], "secret\n", "BLF-CRYPT has 4 to 31 rounds", id="rounds"),
        pytest.param(["-s", "DIGEST-MD5"], "secret\n", "DIGEST-MD5 needs the name of the user", id="user"),
        pytest.param(FAST, "", "empty password, or NUL in it", id="nothing"),
        pytest.param(FAST, "\n", "empty password, or NUL in it", id="empty password"),
        pytest.param(FAST, "sec\0ret\n", "empty password, or NUL in it", id="NUL"),
        pytest.param(FAST, b"secret\xff\n", "the password is not UTF-8", id="broken UTF-8"),
        pytest.param(["-s", "BLF-CRYPT"], "secret" * 13, "this scheme takes passwords of 72 octets at most", id="long"),
        pytest.param(["-t", STORED, "-s", "SSHA"], "secret\n", "-t goes neither with -s nor with -r", id="-t -s"),
        pytest.param(["-t", STORED, "-r", "5"], "secret\n", "-t goes neither with -s nor with -r", id="-t -r"),
        pytest.param(["-t", "{secret}x"], "secret\n", "unknown password scheme", id="scheme to test"),
        pytest.param(["-t", "$6$secret"], "secret\n", "malformed hash", id="hash to test"),
        pytest.param(["-t", STORED], b"secret\xff\n", "the password is not UTF-8", id="broken UTF-8 to test"),
    ],
)
def test_refused(arguments: list[str], typed: str | bytes, said: str) -> None:
    done = run(*arguments, typed=typed)
    assert (done.exit_code, done.stdout, done.stderr) == (64, "", f"gsubmit hash-password: {said}\n")


WARNING = "warning: this scheme is weak and needs auth_allow_weak_schemes = yes\n"


def test_weak_schemes() -> None:
    done = run("-s", "MD5-CRYPT")
    assert (done.exit_code, done.stderr) == (0, WARNING)
    assert done.stdout.startswith("{MD5-CRYPT}$1$")
    done = run("-t", "{CRYPT}JBOZ0DgmtucwE", typed="08/15!test~4711\n")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "verified\n", WARNING)


def test_list() -> None:
    done = run("-l", typed="")
    lines = done.stdout.splitlines()
    assert (done.exit_code, done.stderr) == (0, "")
    assert [line.split()[0] for line in lines] == list(SCHEMES)
    assert "SSHA512" in lines
    assert "MD5-CRYPT     weak" in lines
    assert "BLF-CRYPT     rounds 4 to 31, default 10" in lines


# Takes the standard input as what is typed: a line for each prompt, since what comes before it is thrown away.
TERMINAL = """
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    command = "from gsubmit_cli.hash_password import hash_password_command as run; run()"
    os.execv(sys.executable, [sys.executable, "-c", command, *sys.argv[1:]])
shown = b""
for line in sys.stdin.buffer:
    while not shown.endswith((b"Password: ", b"confirmation: ")):
        shown += os.read(terminal, 1)
    shown += b"|"
    os.write(terminal, line)
try:
    while octets := os.read(terminal, 1000):
        shown += octets
except OSError:
    pass
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def on_terminal(*arguments: str, typed: str) -> tuple[int, str]:
    command = [sys.executable, "-c", TERMINAL, *arguments]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, check=False, timeout=30)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.slow
def test_typed_twice() -> None:
    exit_code, shown = on_terminal(*FAST, typed="secret\nother\nsecret\nsecret\n")
    assert exit_code == 0
    assert "do not match" in shown
    assert shown.count("|") == 4
    assert "secret" not in shown and "other" not in shown
    assert parse(shown.split()[-1], "CRYPT").matches("secret")


@pytest.mark.slow
def test_typed_once_for_a_test() -> None:
    assert on_terminal("-t", STORED, typed="secret\n") == (0, "Password: |\nverified\n")
    assert on_terminal("-t", STORED, typed="wrong\n") == (1, "Password: |\nnot verified\n")


@pytest.mark.slow
def test_nothing_is_asked_in_vain() -> None:
    assert on_terminal("-s", "NO-SUCH", typed="") == (64, "gsubmit hash-password: unknown password scheme\n")


@pytest.mark.parametrize("arguments", [["hunter2"], ["-s", "SSHA", "hunter2"], ["hunter2", "-l"]])
def test_a_password_as_an_argument_is_refused_and_not_repeated(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "a password is never an argument" in done.stderr
    assert "hunter2" not in done.stderr
