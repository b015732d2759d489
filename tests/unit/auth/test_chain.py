"""The chain: order, what counts more, and that its delay tells nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from gsubmit.auth.chain import Chain, build_chain
from gsubmit.auth.passdb import Denied, Identity, Unavailable, UnknownUser
from gsubmit.sasl.mechanism import Cleartext
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.problem import SettingsError

YES, WRONG, UNKNOWN, DOWN = Identity("tim", {}), Denied("password mismatch"), UnknownUser(), Unavailable("disk on fire")


class Answering:
    """A passdb that always answers the same."""

    def __init__(self, answer: Identity | Exception) -> None:
        self.answer = answer
        self.asked: list[Cleartext] = []
        self.pretended = 0

    def __str__(self) -> str:
        return "answering"

    def verify(self, credentials: Cleartext) -> Identity:
        self.asked.append(credentials)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def pretend(self, credentials: Cleartext) -> None:
        self.pretended += 1


def credentials(user: str = "tim", authorization_id: str = "") -> Cleartext:
    return Cleartext(user, authorization_id, "hunter2")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([YES], YES, id="yes"),
        pytest.param([UNKNOWN, YES], YES, id="unknown goes on"),
        pytest.param([WRONG, YES], YES, id="mismatch goes on"),
        pytest.param([DOWN, YES], YES, id="unavailable goes on"),
        pytest.param([UNKNOWN], UNKNOWN, id="unknown"),
        pytest.param([WRONG, UNKNOWN], WRONG, id="mismatch tells the log more than unknown"),
        pytest.param([UNKNOWN, WRONG], WRONG, id="mismatch last"),
        pytest.param([DOWN, WRONG], DOWN, id="unavailable counts more than mismatch"),
        pytest.param([UNKNOWN, DOWN], DOWN, id="unavailable counts more than unknown"),
    ],
)
def test_answers(answers: Sequence[Identity | Exception], expected: Identity | Exception) -> None:
    chain = Chain([Answering(answer) for answer in answers])
    if isinstance(expected, Identity):
        assert chain.verify(credentials()) is expected
        return
    with pytest.raises(type(expected)) as raised:
        chain.verify(credentials())
    assert str(raised.value) == str(expected)


def test_first_success_wins() -> None:
    first, second = Answering(YES), Answering(YES)
    Chain([first, second]).verify(credentials())
    assert (len(first.asked), len(second.asked)) == (1, 0)


def test_empty_chain_is_our_fault() -> None:
    with pytest.raises(Unavailable, match="no passdb"):
        Chain([]).verify(credentials())


@pytest.mark.parametrize("answers", [[UNKNOWN, UNKNOWN], [WRONG, UNKNOWN], [UNKNOWN, WRONG], [WRONG, WRONG]])
def test_each_passdb_compares_one_password(answers: list[Exception]) -> None:
    """AUT-24: the time of a refusal does not tell which passdb knows the user, nor whether one does."""
    passdbs = [Answering(answer) for answer in answers]
    with pytest.raises(Denied):
        Chain(passdbs).verify(credentials())
    assert [passdb.pretended for passdb in passdbs] == [int(answer is UNKNOWN) for answer in answers]


def test_success_pays_nothing_for_other_passdbs() -> None:
    passdbs = [Answering(UNKNOWN), Answering(YES)]
    Chain(passdbs).verify(credentials())
    assert [passdb.pretended for passdb in passdbs] == [0, 0]


def test_names_are_prepared() -> None:
    passdb = Answering(YES)
    Chain([passdb]).verify(credentials("Tim@Example.ORG", "tim@example.org"))
    assert passdb.asked == [Cleartext("tim@example.org", "", "hunter2")]


@pytest.mark.parametrize(
    ("user", "authorization_id"),
    [
        pytest.param("kurt", "ursel", id="PLN-2 TV-AUT-4"),
        pytest.param("kurt", "no body", id="authorization id is no name"),
        pytest.param("ku/rt", "", id="authentication id is no name"),
    ],
)
def test_refused_before_any_passdb(user: str, authorization_id: str) -> None:
    passdb = Answering(YES)
    with pytest.raises(Denied):
        Chain([passdb]).verify(credentials(user, authorization_id))
    assert passdb.asked == []


def test_failure_is_logged_even_if_another_passdb_helps(caplog: pytest.LogCaptureFixture) -> None:
    Chain([Answering(DOWN), Answering(YES)]).verify(credentials())
    assert caplog.messages == ["answering: disk on fire"]


def test_build_chain(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    users = tmp_path / "users"
    users.write_text("tim:{PLAIN}hunter2::::::\n")
    passdbs = [PassdbSettings("pam", "x"), PassdbSettings("passwd-file", f"scheme=PLAIN {users}")]
    chain = build_chain(passdbs, 1024, 60.0)
    assert chain.verify(credentials("TIM")) == Identity("tim", {})
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "pam" in caplog.text


def test_build_chain_names_all_bad_args() -> None:
    place = Path("/etc/auth.conf")
    passdbs = [
        PassdbSettings("passwd-file", "", place, 3),
        PassdbSettings("passwd-file", "scheme=FOO /etc/users", place, 7),
    ]
    with pytest.raises(SettingsError) as error:
        build_chain(passdbs, 0, 0.0)
    assert [problem.line for problem in error.value.problems] == [3, 7]
