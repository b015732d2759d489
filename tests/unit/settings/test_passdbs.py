import pytest

from gsubmit.settings.load import Loaded, load_text
from gsubmit.settings.passdbs import OTHER_DRIVERS
from gsubmit.settings.problem import SettingsError


def passdb(inner: str) -> Loaded:
    return load_text(f"ssl = no\npassdb {{\n{inner}\n}}\n")


def test_passwd_file() -> None:
    (one,) = passdb("driver = passwd-file\nargs = scheme=CRYPT /etc/users").settings.passdbs
    assert (one.driver, one.args, str(one.file), one.line) == ("passwd-file", "scheme=CRYPT /etc/users", "<text>", 2)


def test_order_and_names() -> None:
    block = "passdb {} {{\ndriver = passwd-file\nargs = /{}\n}}\n"
    text = "ssl = no\n" + block.format("", 1) + block.format("x", 2) + block.format("x", 3)
    assert [one.args for one in load_text(text).settings.passdbs] == ["/1", "/2", "/3"]


@pytest.mark.parametrize("driver", sorted(OTHER_DRIVERS))
def test_other_drivers_are_never_consulted(driver: str) -> None:
    loaded = passdb(f"driver = {driver}\nargs = /etc/x.ext")
    assert loaded.settings.passdbs == ()
    assert [notice.kind for notice in loaded.notices if driver in notice.text] == ["warning"]


@pytest.mark.parametrize(
    "line",
    [
        "skip = never",
        "result_success = return-ok",
        "result_failure = continue",
        "deny = no",
        "master = no",
        "pass = no",
        "mechanisms =",
        "username_filter =",
        "default_fields =",
        "auth_verbose = default",
        "name = anything",
    ],
)
def test_without_effect(line: str) -> None:
    assert len(passdb(f"driver = passwd-file\nargs = /x\n{line}").settings.passdbs) == 1


@pytest.mark.parametrize(
    "line",
    [
        "skip = authenticated",
        "result_success = continue",
        "result_failure = return-fail",
        "result_internalfail = return",
        "deny = yes",
        "master = yes",
        "pass = yes",
        "mechanisms = plain",
        "username_filter = *@example.org",
        "default_fields = nopassword=y",
        "override_fields = x=y",
        "auth_verbose = yes",
    ],
)
@pytest.mark.parametrize("driver", ["passwd-file", "sql"])
def test_not_supported_yet(line: str, driver: str) -> None:
    with pytest.raises(SettingsError, match=r"^<text>:5: [a-z_]+ in a passdb is not supported yet$"):
        passdb(f"driver = {driver}\nargs = /x\n{line}")
