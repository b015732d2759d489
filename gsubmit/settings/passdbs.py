"""`passdb { }`: where users are looked up."""

from __future__ import annotations

from dataclasses import replace

from gsubmit.settings import variables
from gsubmit.settings.blocks import PassdbSettings
from gsubmit.settings.declare import declarations
from gsubmit.settings.foreign import OTHER_MECHANISMS
from gsubmit.settings.known import Known
from gsubmit.settings.parse import Block, Value
from gsubmit.settings.problem import Report, nearest, words
from gsubmit.settings.reading import block_values, read_section

# Drivers of Dovecot's that gsubmit lacks.
OTHER_DRIVERS = words("bsdauth checkpassword dict ldap lua pam passwd shadow sql vpopmail")

# What extra fields may be made of.
FIELD_VARIABLES = ("user", "username", "domain", "remote_ip", "local_ip", "mechanism", "service", "session")

# Extra fields that keep users out, see auth.restrictions: networks, of the client and of whoever speaks to us for it,
# and certificates that a client must have shown, of Dovecot 2.4.2.
NETWORKS = ("allow_nets", "allow_real_nets")
FINGERPRINTS = ("check_client_fp", "check_client_cert_fp", "check_client_pubkey_fp")
RESTRICTIONS = frozenset({*NETWORKS, *FINGERPRINTS, "fail", "nologin"})

# What makes no gate of a passdb that gsubmit has no driver for: its users come in, all others are up to the next.
_PLAIN_RULES = {
    "result_success": ("return-ok", "return"),
    "result_failure": ("continue",),
    "result_internalfail": ("continue",),
}

_OF_ENTRIES = frozenset({"nopassword", "noauthenticate"})

# What else a passdb can be told in Dovecot, and the values that change nothing here.
OTHER_SETTINGS = {"auth_verbose": ("default", "yes", "no"), "use_worker": ("no", "yes")}


def read_passdb(block: Block, known: Known | None, report: Report) -> PassdbSettings:
    """Read one passdb. Whatever keeps it from being consulted is reported."""
    values = block_values(block, {*declarations(PassdbSettings), "pass"}, report, _pass_over, OTHER_SETTINGS)
    passdb = read_section(PassdbSettings, values, report, place=block.place)
    if "pass" in values and values["pass"].text.lower() not in ("yes", "no"):
        report.problem(values["pass"].place, f"pass = {values['pass'].text} in a passdb is not supported")
    elif "pass" in values and values["pass"].text.lower() == "yes":  # an older way to say it
        if passdb.result_success not in ("return-ok", "continue"):
            text = f"pass = yes contradicts result_success = {passdb.result_success}"
            report.problem(values["pass"].place, text)
        passdb = replace(passdb, result_success="continue")
    for name in ("default_fields", "override_fields"):
        try:
            variables.check(getattr(passdb, name), FIELD_VARIABLES)
        except ValueError as error:
            report.problem(values[name].place, f"{name}: {error}")
        for field in sorted(_OF_ENTRIES & {word.partition("=")[0] for word in getattr(passdb, name).split(" ")}):
            text = f"{name}: {field} has no effect here, only in a user's own entry"
            report.notice("warning", values[name].place, text)
    if passdb.driver in OTHER_DRIVERS:
        _check_absent(passdb, values, block, report)
    elif known is not None:
        _check_usable(passdb, values, block, known, report)
    return passdb


def _pass_over(value: Value, report: Report) -> bool:
    """What else a passdb has in Dovecot."""
    if value.text.lower() not in OTHER_SETTINGS.get(value.key, (value.text.lower(),)):
        # Who is let in may depend on it, so the passdb cannot be consulted as if it were not there.
        report.problem(value.place, f"{value.key} = {value.text} in a passdb is not supported")
    return value.key in OTHER_SETTINGS or value.key == "name"


def _check_absent(passdb: PassdbSettings, values: dict[str, Value], block: Block, report: Report) -> None:
    """A passdb whose driver is not here. Without it, whom it keeps out of the others would come in."""
    absent = f"passdb driver {passdb.driver} is not supported yet"
    rules = {name: getattr(passdb, name) for name in _PLAIN_RULES}
    gates = [(name, rule) for name, rule in rules.items() if rule not in _PLAIN_RULES[name]]
    if passdb.deny:
        gates.append(("deny", "yes"))
    for name in ("default_fields", "override_fields"):
        names = {word.partition("=")[0].partition(":")[0] for word in getattr(passdb, name).split(" ")}
        gates += [(name, field) for field in sorted(names & RESTRICTIONS)]
    for name, value in gates:
        place = (values.get(name) or values["pass"]).place
        report.problem(place, f"{absent}, and to go on without its {name} = {value} would be unsafe")
    if not gates:
        text = f"{absent}, this passdb is never consulted: logins that no other one lets in fail temporarily"
        text += "; driver = dovecot asks a Dovecot that has it"
        report.notice("warning", block.place, text)


def _check_usable(passdb: PassdbSettings, values: dict[str, Value], block: Block, known: Known, report: Report) -> None:
    """Whether a passdb of our drivers can be asked."""
    for mechanism in passdb.mechanisms if passdb.driver in known.drivers else ():
        if mechanism.lower() not in {
            *known.mechanisms,
            *OTHER_MECHANISMS,
        }:  # the passdb, perhaps one that keeps out, would not be asked
            text = f"mechanisms: unknown mechanism '{mechanism}'{nearest(mechanism, known.mechanisms)}"
            report.problem(values["mechanisms"].place, text)
    problem = ""
    if not passdb.driver:
        problem = f"a passdb needs a driver, such as {next(iter(known.drivers))}"
    elif passdb.driver not in known.drivers:
        likely = {"passwd-file"} if "passwd" in passdb.driver else {*known.drivers, *OTHER_DRIVERS}
        near = nearest(passdb.driver, likely, 0.5)
        problem = f"unknown passdb driver '{passdb.driver}'{near}"
    elif passdb.deny and passdb.master:
        problem = "deny = yes contradicts master = yes"
    elif not passdb.args and passdb.driver not in known.without_args:
        problem = f"a {passdb.driver} passdb needs args, see gsubmit.conf(5)"
    if problem:
        report.problem(block.place, problem)
