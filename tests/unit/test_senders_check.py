"""What check-config says of sender rules: settings without effect, and a map that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsubmit.app.build import CannotStart, build_senders
from tests.harness.loading import load_text
from tests.unit.test_verdict import LOGIN, RELAY, judged

CHECK, MAP = "submission_sender_check = both\n", "submission_sender_login_map = "


def said(text: str) -> list[str]:
    verdict = judged(f"{text}{RELAY}{LOGIN}")
    assert verdict.errors == ()
    return [f"{notice.kind}: {notice.text}" for notice in verdict.notices]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CHECK, []),
        ("submission_sender_check = envelope\n", []),
        ("recipient_delimiter = +\n", []),
        ("recipient_delimiter = -\n", ["ignored: recipient_delimiter is ignored, submission_sender_check = no"]),
        (f"{CHECK}recipient_delimiter = -\n", []),
        ("submission_domains = a.example\n", ["submission_domains has no effect with submission_sender_check = no"]),
        (f"{MAP}/nowhere\n", ["submission_sender_login_map has no effect with submission_sender_check = no"]),
        (
            "submission_sender_action = log\n",
            ["submission_sender_action has no effect with submission_sender_check = no"],
        ),
        (
            "submission_sender_check = envelope\nsubmission_sender_header = from-or-sender\n",
            ["submission_sender_header has no effect with submission_sender_check = envelope"],
        ),
        (f"{CHECK}submission_sender_header = from-or-sender\n", []),
        (f"{CHECK}auth_username_format = %Ln\nsubmission_domains = a.example\n", []),
        (
            f"{CHECK}auth_username_format = %Ln\n",
            [
                "logins have no domain (auth_username_format): without submission_domains or submission_sender_login_map"
                " only users with the passdb field senders may send"
            ],
        ),
    ],
)
def test_what_has_no_effect(text: str, expected: list[str]) -> None:
    assert said(text) == [one if one.startswith("ignored") else f"warning: {one}" for one in expected]


def test_a_map_that_is_not_there(tmp_path: Path) -> None:
    text = f"{CHECK}{MAP}{tmp_path}/map\n"
    (error,) = judged(f"{text}{RELAY}{LOGIN}").errors
    assert error.text == f"submission_sender_login_map: {tmp_path}/map cannot be read: no such file or directory"
    assert error.place.line == 3
    with pytest.raises(CannotStart, match=r"submission_sender_login_map: .*/map: cannot be read"):
        build_senders(load_text(f"ssl = no\n{text}").settings)


def test_a_map_with_errors(tmp_path: Path) -> None:
    (tmp_path / "map").write_text("# mine\n" + "joe\n" * 12)
    errors = judged(f"{CHECK}{MAP}{tmp_path}/map\n{RELAY}{LOGIN}").errors
    assert str(errors[0]) == f"{tmp_path}/map: 2 more lines with faults"
    assert str(errors[1]) == f"{tmp_path}/map:2: expected an address and, after a blank, logins"
    assert len(errors) == 11


def test_a_map_of_use(tmp_path: Path) -> None:
    (tmp_path / "map").write_text("joe@a.example joe\n")
    assert said(f"{CHECK}{MAP}{tmp_path}/map\n") == []


def test_nothing_is_made_where_nothing_is_asked_for() -> None:
    assert build_senders(load_text("ssl = no\n").settings) is None
    assert build_senders(load_text(f"ssl = no\n{CHECK}").settings) is not None
