"""No password, stored password or SASL response in any log line or exception text, whatever goes wrong."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest
from passlib.hash import bcrypt

from gsubmit.auth.chain import build_chain
from gsubmit.auth.passdb import Denied, Unavailable
from gsubmit.sasl.base64 import decode
from gsubmit.sasl.mechanism import Cleartext, MalformedResponse
from gsubmit.sasl.mechanisms import MECHANISMS
from gsubmit.settings.blocks import PassdbSettings

PASSWORD = "hunter2"
SECRET = "sEcReT"  # stands in every stored password and every bad line

STORED = {
    "plain": f"{{PLAIN}}{SECRET}",
    "unknown": f"{{{SECRET}}}{SECRET}",
    "encoding": f"{{PLAIN.{SECRET}}}{SECRET}",
    "base64": f"{{SSHA256}}{SECRET}!",
    "short": f"{{SSHA256}}{SECRET}00",
    "crypt": SECRET,
    "bcrypt": f"$2y$05${SECRET}",
    "argon2": f"$argon2id${SECRET}",
    "sha512": f"$6${SECRET}${SECRET}",
    "odd": f"{{CRYPT}}$7${SECRET}",
    "good": bcrypt.using(rounds=4).hash(SECRET),
}
BAD_LINES = [SECRET, f"plain:{SECRET}", f"old:{SECRET}[13]", f"caf\udce9:{SECRET}"]


@pytest.mark.parametrize("user", [*STORED, "stranger", SECRET.lower(), "not a name"])
def test_chain(tmp_path: Path, user: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    lines = [f"{name}:{stored}" for name, stored in STORED.items()] + BAD_LINES
    (tmp_path / "users").write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
    chain = build_chain([PassdbSettings("passwd-file", f"{tmp_path}/users")], 10_000, 60.0)
    with pytest.raises((Denied, Unavailable)) as error:
        chain.verify(Cleartext(user, "", PASSWORD))
    told = caplog.text + "".join(traceback.format_exception_only(error.value)) + str(error.value.__cause__)
    told += "".join(capfd.readouterr())
    assert f"{tmp_path}/users:{len(STORED) + 1}: no password field" in caplog.messages or user == "not a name"
    assert PASSWORD not in told
    assert SECRET not in told


@pytest.mark.parametrize(
    "response", [b"hunter2", b"\0tim\0hunter2\0", b"\0\xff\0hunter2", b"\0ti\nm\0hunter2", b"\0\xffhunter2\0x"]
)
def test_mechanism(response: bytes) -> None:
    exchange = MECHANISMS["PLAIN"].start()
    next(exchange)
    with pytest.raises(MalformedResponse) as error:
        exchange.send(response)
    assert PASSWORD not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_base64() -> None:
    with pytest.raises(MalformedResponse) as error:
        decode("hunter2*")
    assert PASSWORD not in str(error.value)
