"""Where scripts lie, and that names of users do not lead elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gsubmit.scripts.places import Administrators, UserScripts, administrators, included

TEMPLATE = "/var/vmail/%d/%n/sieve/outgoing.sieve"


@pytest.mark.parametrize(
    ("template", "user", "expected"),
    [
        (TEMPLATE, "joe@example.org", "/var/vmail/example.org/joe/sieve/outgoing.sieve"),
        ("/srv/%u.sieve", "joe@example.org", "/srv/joe@example.org.sieve"),
        ("/srv/%{user | username}.sieve", "joe@example.org", "/srv/joe.sieve"),
        ("/srv/%n.sieve", "j.doe", "/srv/j.doe.sieve"),
        ("/srv/all.sieve", "../x", "/srv/all.sieve"),
        (TEMPLATE, "joe", ""),
        (TEMPLATE, "../../etc@example.org", ""),
        (TEMPLATE, "joe@..", ""),
        (TEMPLATE, "joe@../..", ""),
        (TEMPLATE, ".hidden@example.org", ""),
        (TEMPLATE, "joe@.example.org", ""),
        (TEMPLATE, "a/b@example.org", ""),
        (TEMPLATE, "a\0b@example.org", ""),
        (TEMPLATE, "@example.org", ""),
        ("", "joe@example.org", ""),
    ],
)
def test_the_script_of_a_user(template: str, user: str, expected: str) -> None:
    assert UserScripts(template).path(user, {}) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("/home/joe/out.sieve", "/home/joe/out.sieve"),
        ("no", ""),
        ("No", ""),
        ("yes", "/var/vmail/example.org/joe/sieve/outgoing.sieve"),
        ("out.sieve", ""),
    ],
)
def test_the_passdb_wins(said: str, expected: str) -> None:
    assert UserScripts(TEMPLATE).path("joe@example.org", {"sieve": said}) == expected
    if said.startswith("/"):
        assert UserScripts("").path("joe@example.org", {"sieve": said}) == expected


def test_administrators_have_a_file_or_a_folder(tmp_path: Path) -> None:
    for name in ("b.sieve", "a.sieve", "c.sieve~", ".d.sieve", "e.svbin"):
        (tmp_path / name).write_text("keep;")
    assert administrators("") == ()
    assert administrators(str(tmp_path)) == (f"{tmp_path}/a.sieve", f"{tmp_path}/b.sieve")
    assert administrators(f"{tmp_path}/e.svbin") == (f"{tmp_path}/e.svbin",)


@pytest.mark.parametrize("name", ["../x", "a/b", ".x", "..", "a\0"])
def test_what_is_included_lies_in_its_folder(name: str) -> None:
    assert included(name, "/srv") == ""
    assert included("x", "/srv") == "/srv/x.sieve"
    assert included("x", "") == ""


def test_a_folder_of_administrators_is_looked_into_again_when_it_has_changed(tmp_path: Path) -> None:
    folder = tmp_path / "before"
    folder.mkdir()
    (folder / "a.sieve").write_text("keep;")
    os.utime(folder, (1, 1))
    scripts = Administrators(str(folder))
    assert [*scripts] == [f"{folder}/a.sieve"]
    (folder / "b.sieve").write_text("keep;")
    assert [*scripts] == [f"{folder}/a.sieve", f"{folder}/b.sieve"]
    (folder / "b.sieve").unlink()  # perhaps at the same time, for clocks of file systems are coarse
    assert [*scripts] == [f"{folder}/a.sieve"]
    (folder / "a.sieve").unlink()
    folder.rmdir()
    assert [*scripts] == [str(folder)]


@pytest.mark.parametrize(
    ("template", "said", "expected"),
    [
        ("/v/%d/%n/x.sieve", {}, True),
        ("/v/%u/x.sieve", {}, True),
        ("/v/%u/%n.sieve", {}, False),
        ("/v/%u/x-%u.sieve", {}, True),
        ("/v/%n/x.sieve", {}, True),
        ("/v/%d/%n.sieve", {}, False),
        ("/v/%n/%u.sieve", {}, False),
        ("/v/%u.sieve", {}, False),
        ("/v/%u.sieve", {"sieve": "yes"}, False),
        ("/v/%u.sieve", {"sieve": "/v/joe.sieve"}, True),
    ],
)
def test_whether_the_folder_is_the_users_own(template: str, said: dict[str, str], *, expected: bool) -> None:
    source = UserScripts(template).source("joe@example.org", said)
    assert source is not None
    assert source.has_own_folder is expected
