"""No password, stored password or SASL response in any log line or exception text, whatever goes wrong."""

from __future__ import annotations

import logging
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from passlib.hash import bcrypt

from gsubmit.auth.chain import build_chain
from gsubmit.auth.passdb import Answer, Unavailable
from gsubmit.sasl.base64 import decode
from gsubmit.sasl.claims import (
    Claim,
    Cleartext,
    CramKeys,
    Denied,
    Identity,
    KeysWanted,
    MalformedResponse,
    ScramKeys,
    Token,
)
from gsubmit.sasl.mechanism import Channel
from gsubmit.sasl.mechanisms import MECHANISMS
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.sections import Settings
from tests.unit.auth.answering import ORIGIN
from tests.unit.sasl.authority import FakeAuthority

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
BAD_LINES = [f"plain:{SECRET}", f"caf\udce9:{SECRET}", f"old13:{SECRET}[13]", f"old34:{SECRET}[34]"]
CLAIMS = [
    Cleartext("", PASSWORD),
    *(KeysWanted("", scheme=scheme) for scheme in ("SCRAM-SHA-1", "SCRAM-SHA-256", "CRAM-MD5")),
]


@pytest.mark.parametrize("user", [*STORED, "old13", "old34", "stranger", SECRET.lower(), "not a name"])
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: getattr(claim, "scheme", "cleartext"))
def test_chain(
    tmp_path: Path, user: str, claim: Claim, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    lines = [f"{name}:{stored}" for name, stored in STORED.items()] + BAD_LINES
    (tmp_path / "users").write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
    chain = build_chain(Settings(passdbs=(PassdbSettings("passwd-file", f"{tmp_path}/users"),)))
    claim = replace(claim, authentication_id=user)
    told: list[str] = []
    try:
        if isinstance(claim, KeysWanted):
            told.append(repr(chain.account(claim, ORIGIN, lambda *step: told.extend(step))))
        else:
            chain.verify(claim, ORIGIN, lambda *step: told.extend(step))
    except (Denied, Unavailable) as error:
        told += [*traceback.format_exception_only(error), str(error.__cause__), repr(claim)]
    else:
        assert isinstance(claim, KeysWanted)
    told += [caplog.text, *capfd.readouterr()]
    assert f"{tmp_path}/users:{len(STORED) + 2}: not UTF-8" in caplog.messages or user == "not a name"
    assert PASSWORD not in "".join(told)
    assert SECRET not in "".join(told)


@pytest.mark.parametrize(
    "shown",
    [
        Cleartext("tim", PASSWORD),
        Token("tim", PASSWORD),
        ScramKeys(b"salt", 4096, PASSWORD.encode(), PASSWORD.encode()),
        CramKeys(PASSWORD.encode(), PASSWORD.encode()),
        Identity("tim", {"pass": PASSWORD}),
        Answer({"pass": PASSWORD}),
    ],
)
def test_repr(shown: object) -> None:
    assert PASSWORD not in repr(shown)


@pytest.mark.parametrize(
    "response", [b"hunter2", b"\0tim\0hunter2\0", b"\0\0hunter2", b"\0ti\nm\0hunter2", b"\0hunter2\0"]
)
def test_mechanism(response: bytes) -> None:
    exchange = MECHANISMS["PLAIN"].start(FakeAuthority(), Channel())
    next(exchange)
    with pytest.raises(MalformedResponse) as error:
        exchange.send(response)
    assert PASSWORD not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_base64() -> None:
    with pytest.raises(ValueError, match="invalid base64") as error:
        decode("hunter2*")
    assert PASSWORD not in str(error.value)
    assert error.value.__cause__ is None and error.value.__suppress_context__
