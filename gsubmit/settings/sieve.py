"""The settings of Sieve on outgoing mail: where scripts lie, and what they may use up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from gsubmit.settings import variables
from gsubmit.settings.declare import ValueType, part, setting
from gsubmit.settings.kinds import enum, path, seconds, size, uint, words
from gsubmit.settings.problem import Place, Report

VARIABLES = ("user", "username", "domain")
_PAIR = re.compile(r"([A-Za-z0-9._-]+)=(.*)", re.DOTALL)
MAX_PERIOD = 7 * 86400.0  # seconds


def _read_path(text: str) -> str:
    variables.check(text, VARIABLES)
    return path.read(text)


def _read_size(text: str) -> int:
    if not (octets := size.read(text)):
        raise ValueError("expected a size above 0: there is no script without limits")
    return octets


def _read_pairs(text: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for word in words.read(text):
        found = _PAIR.fullmatch(word)
        if found is None:
            raise ValueError(f"expected words NAME=VALUE, not '{word}'")
        pairs.append((found[1].lower(), found[2]))
    return tuple(pairs)


def _show_pairs(pairs: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f"{name}={value}" for name, value in pairs)


_size: ValueType[int] = ValueType(_read_size, size.show)
_path: ValueType[str] = ValueType(_read_path, str)
_pairs: ValueType[tuple[tuple[str, str], ...]] = ValueType(_read_pairs, _show_pairs)


@dataclass(frozen=True, slots=True)
class SieveLimitSettings:
    """What one script may use up; see gsubmit-sieve(7)."""

    script_size: int = setting(_size, 1 << 18, "Largest Sieve script, together with the scripts that it includes.")
    nesting: int = setting(uint, 32, "Deepest nesting of blocks, and of tests.")
    actions: int = setting(uint, 32, "Most actions for one message, all scripts together.")
    redirects: int = setting(uint, 4, "Most addresses to which scripts redirect one message.")
    includes: int = setting(uint, 255, "Most scripts that a script includes, directly or not.")
    include_depth: int = setting(uint, 10, "Deepest nesting of scripts that include each other.")
    match_values: int = setting(uint, 32, "Most parts of a match that a script can refer to: ${1} and so on.")
    string_size: int = setting(_size, 1 << 20, "Longest string that a script makes.")
    variables: int = setting(uint, 255, "Most variables of a script.")
    variable_size: int = setting(_size, 4000, "Most characters of a variable; longer values are cut off.")
    loop_depth: int = setting(uint, 4, "Deepest nesting of foreverypart.")
    part_size: int = setting(_size, 1 << 20, "How much of a part of a message scripts look at.")
    header_size: int = setting(_size, 2048, "Longest value of a header field that a script adds.")
    work: int = setting(
        uint,
        1_000_000,
        "Most units of work for one message: commands, tests and comparisons; a second has some 300000.",
    )


@dataclass(frozen=True, slots=True)
class SieveSettings:
    """Which Sieve scripts see a message before it leaves."""

    submission_sieve: str = setting(
        _path,
        "",
        "Sieve script of each user for outgoing mail, a path with %u, %n and %d; no such file is no script.",
        "The field `sieve` of a user's passdb entry wins over it: a path, or no. Scripts are read again when they"
        " change. A user whose name or domain would lead into another folder has no script. See gsubmit-sieve(7).",
    )
    submission_sieve_before: str = setting(
        path, "", "Administrators' Sieve script that is run before the user's, or a folder with several (*.sieve)."
    )
    submission_sieve_after: str = setting(path, "", "The same for after the user's script, if that keeps the message.")
    submission_sieve_global: str = setting(path, "", "Folder of the scripts that `include :global` finds.")
    submission_sieve_error: str = setting(
        enum("tempfail", "accept"),
        "tempfail",
        "What becomes of a message when an administrators' script fails: 451 4.3.0, or as if it were not there.",
        "A user's script that fails is as if it were not there; the log says why.",
    )
    submission_sieve_env: tuple[tuple[str, str], ...] = setting(
        _pairs, (), "Words NAME=VALUE that scripts see as ${env.vnd.dovecot.config.NAME}."
    )
    submission_sieve_duplicate_period: float = setting(
        seconds, 86400.0, "How long `duplicate` remembers a message where a script does not say."
    )
    submission_sieve_duplicate_max_period: float = setting(
        seconds, MAX_PERIOD, "The longest time for which a script can have a message remembered."
    )
    limits: SieveLimitSettings = part(SieveLimitSettings, "submission_sieve_max_")

    @property
    def is_asked_for(self) -> bool:
        """Whether there may be scripts for anybody."""
        return bool(self.submission_sieve or self.submission_sieve_before or self.submission_sieve_after)


def check_sieve(sieve: SieveSettings, place: Callable[..., Place], report: Report) -> None:
    """Report what does not fit together; `place` says where settings stand."""
    if sieve.submission_sieve and not variables_in(sieve.submission_sieve):
        text = "submission_sieve has neither %u, %n nor %d in it: all users would have the same script"
        report.notice("warning", place("submission_sieve"), f"{text}; see submission_sieve_before")
    if not sieve.is_asked_for and sieve.submission_sieve_global:
        text = "submission_sieve_global has no effect without scripts that include others"
        report.notice("warning", place("submission_sieve_global"), text)


def variables_in(template: str) -> list[str]:
    """The variables whose values show in a path."""
    blank = dict.fromkeys(VARIABLES, "")
    without = variables.expand(template, blank)
    return [name for name in blank if variables.expand(template, {**blank, name: "x"}) != without]
