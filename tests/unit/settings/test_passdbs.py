from dataclasses import replace

import pytest

from gsubmit.auth.drivers import DRIVERS
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.load import Loaded
from gsubmit.settings.passdbs import OTHER_DRIVERS, RESTRICTIONS
from gsubmit.settings.problem import NOWHERE, SettingsError
from tests.harness.loading import load_text


def passdb(inner: str) -> Loaded:
    return load_text(f"ssl = no\npassdb {{\n{inner}\n}}\n")


def test_passwd_file() -> None:
    (one,) = passdb("driver = passwd-file\nargs = scheme=CRYPT /etc/users").settings.passdbs
    assert (one.driver, one.args, str(one.place)) == ("passwd-file", "scheme=CRYPT /etc/users", "<text>:2")


def test_order_and_names() -> None:
    block = "passdb {} {{\ndriver = passwd-file\nargs = /{}\n}}\n"
    text = "ssl = no\n" + block.format("", 1) + block.format("x", 2) + block.format("x", 3)
    assert [one.args for one in load_text(text).settings.passdbs] == ["/1", "/2", "/3"]


@pytest.mark.parametrize("driver", sorted(OTHER_DRIVERS))
def test_other_drivers_are_never_consulted(driver: str) -> None:
    """They keep their place in the chain, where nobody can be asked."""
    loaded = passdb(f"driver = {driver}\nargs = /etc/x.ext")
    assert [one.driver for one in loaded.settings.passdbs] == [driver]
    assert [notice.kind for notice in loaded.notices if driver in notice.text] == ["warning"]


@pytest.mark.parametrize(
    "line",
    [
        "skip = never",
        "result_success = return-ok",
        "result_failure = continue",
        "result_internalfail = continue",
        "deny = no",
        "master = no",
        "pass = no",
        "mechanisms =",
        "username_filter =",
        "default_fields =",
        "override_fields =",
        "auth_verbose = default",
        "use_worker = yes",
        "name = anything",
    ],
)
def test_defaults(line: str) -> None:
    (one,) = passdb(f"driver = passwd-file\nargs = /x\n{line}").settings.passdbs
    assert replace(one, place=NOWHERE) == PassdbSettings("passwd-file", "/x")


RULES = ["return-ok", "return", "return-fail", "continue", "continue-ok", "continue-fail"]


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        *((f"skip = {word}", "skip", word) for word in ("never", "authenticated", "unauthenticated")),
        *(
            pytest.param(f"{name} = {rule}", name, rule, id=f"{name} = {rule}")
            for name in ("result_success", "result_failure", "result_internalfail")
            for rule in RULES
        ),
        ("deny = yes", "deny", True),
        ("master = yes", "master", True),
        ("master = yes\npass = yes", "result_success", "continue"),
        ("mechanisms = PLAIN, scram-sha-256", "mechanisms", ("PLAIN", "scram-sha-256")),
        ("username_filter = *@example.org !tim@*", "username_filter", ("*@example.org", "!tim@*")),
        ("default_fields = a=%u b", "default_fields", "a=%u b"),
        ("override_fields = a=%{remote_ip}", "override_fields", "a=%{remote_ip}"),
    ],
)
def test_what_they_can_be_told(line: str, name: str, value: object) -> None:
    loaded = passdb(f"driver = passwd-file\nargs = /x\n{line}")
    (one,) = loaded.settings.passdbs
    assert getattr(one, name) == value
    assert not [notice for notice in loaded.notices if notice.kind == "warning"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("result_success = ok", "result_success: expected return-ok, return, return-fail, continue, "),
        ("skip = yes", "skip: expected never, authenticated or unauthenticated, not 'yes'"),
        ("pass = maybe", "pass = maybe in a passdb is not supported"),
        ("default_fields = a=%{nothing}", "default_fields: unknown variable %{nothing}"),
        ("override_fields = a=%", "override_fields: a variable is missing after '%'"),
        ("mechanisms = plain logni", "mechanisms: unknown mechanism 'logni', did you mean login?"),
        ("reslt_success = return", "unknown setting 'reslt_success', did you mean result_success?"),
    ],
)
def test_refused(line: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        passdb(f"driver = passwd-file\nargs = /x\n{line}")
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.text.startswith(message)) == (5, True), problem.text


def test_deny_and_master() -> None:
    with pytest.raises(SettingsError, match="deny = yes contradicts master = yes"):
        passdb("driver = passwd-file\nargs = /x\ndeny = yes\nmaster = yes")


def test_pass_and_another_rule() -> None:
    """As in Dovecot: one of the two would be lost."""
    with pytest.raises(SettingsError, match="pass = yes contradicts result_success = return-fail"):
        passdb("driver = passwd-file\nargs = /x\nresult_success = return-fail\npass = yes")


# What makes a gate of a passdb: if it were left out, whom it keeps out would come in.
GATES = [
    "deny = yes",
    "master = yes\npass = yes",
    *(f"result_success = {rule}" for rule in RULES if rule not in ("return-ok", "return")),
    *(f"result_failure = {rule}" for rule in RULES if rule != "continue"),
    *(f"result_internalfail = {rule}" for rule in RULES if rule != "continue"),
    *(f"override_fields = {field}=x" for field in sorted(RESTRICTIONS)),
    "default_fields = a=1 allow_nets:protected=192.0.2.0/24",
    "skip = authenticated\nresult_failure = return-fail",
]


@pytest.mark.parametrize(
    ("driver", "lines"),
    [*((driver, GATES[0]) for driver in sorted(OTHER_DRIVERS)), *(("ldap", lines) for lines in GATES)],
)
def test_a_gate_is_not_left_out(driver: str, lines: str) -> None:
    with pytest.raises(SettingsError) as caught:
        passdb(f"driver = {driver}\nargs = /x\n{lines}")
    (problem,) = caught.value.problems
    assert problem.text.startswith(f"passdb driver {driver} is not supported yet, and to go on without its ")
    assert problem.text.endswith(" would be unsafe")


@pytest.mark.parametrize(
    "line",
    [
        "result_success = return",
        "skip = authenticated",
        "skip = unauthenticated",
        "master = yes",
        "username_filter = *@example.org",
        "mechanisms = gssapi",
        "default_fields = userdb_uid=vmail nodelay",
        "override_fields = nodelay:remove password=secret",
    ],
)
def test_what_is_no_gate(line: str) -> None:
    (one,) = passdb(f"driver = ldap\nargs = /x\n{line}").settings.passdbs
    assert one.driver == "ldap"


@pytest.mark.parametrize("driver", DRIVERS)
def test_args(driver: str) -> None:
    """The driver static does without, as far as the settings know."""
    if driver == "static":
        assert passdb(f"driver = {driver}").settings.passdbs
        return
    with pytest.raises(SettingsError, match=f"a {driver} passdb needs args"):
        passdb(f"driver = {driver}")
