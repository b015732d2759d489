"""Configurations in the forms that Dovecot's users have: their users log in, or an error says what to do.

The first line of each file says which: `in`, what the error says, or what a warning says where the users' file decides.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gsubmit.app.verdict import judge
from gsubmit.auth.chain import build_chain
from gsubmit.auth.passdb import Origin, Unavailable
from gsubmit.sasl.claims import Cleartext, Denied
from gsubmit.settings.load import Loaded
from gsubmit.settings.problem import SettingsError
from tests.harness.loading import load
from tests.harness.serving import certificate_folder

FORMS = sorted(Path(__file__).with_name("forms").glob("*.conf"))


pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated")


def outcome(form: Path) -> str:
    return form.read_text().partition("\n")[0].removeprefix("# outcome: ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("forms")
    for name in ("cert.pem", "key.pem"):
        shutil.copy(certificate_folder() / name, found)
    (found / "users").write_text("user@example.org:{PLAIN}secret\n")
    return found


def written(form: Path, folder: Path) -> Path:
    """The file, with paths that are there."""
    path = folder / form.name
    path.write_text(form.read_text().replace("{folder}", str(folder)))
    return path


def read(form: Path, folder: Path) -> Loaded:
    """Raises SettingsError."""
    loaded = load(written(form, folder))
    if errors := judge(loaded).errors:
        raise SettingsError(errors)
    return loaded


@pytest.mark.parametrize("form", [form for form in FORMS if outcome(form) == "in"], ids=lambda form: form.stem)
def test_users_log_in(form: Path, folder: Path) -> None:
    chain = build_chain(read(form, folder).settings)
    assert chain.verify(Cleartext("user@example.org", "secret"), Origin()).identity.user == "user@example.org"
    with pytest.raises((Denied, Unavailable)):
        chain.verify(Cleartext("user@example.org", "wrong"), Origin())


@pytest.mark.parametrize(
    "form", [form for form in FORMS if not outcome(form).startswith(("in", "warning"))], ids=lambda form: form.stem
)
def test_an_error_says_why_not(form: Path, folder: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(form, folder)
    assert outcome(form) in str(caught.value)


@pytest.mark.parametrize(
    "form", [form for form in FORMS if outcome(form).startswith("warning")], ids=lambda form: form.stem
)
def test_a_warning_says_who_may_be_kept_out(form: Path, folder: Path) -> None:
    verdict = judge(load(written(form, folder)))
    assert not verdict.errors
    said = "".join(notice.text for notice in verdict.notices if notice.kind == "warning")
    assert outcome(form).removeprefix("warning: ") in said


def test_both_outcomes_are_there() -> None:
    assert {outcome(form) == "in" for form in FORMS} == {True, False}
