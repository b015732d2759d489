"""Commands run in this process, with what they say on standard error apart, whichever click there is."""

from __future__ import annotations

import inspect
from typing import Any

import click.testing

# Debian 12 has click 8.1, where the two outputs are either one or apart; since 8.2 they are both.
_APART: dict[str, Any] = (
    {"mix_stderr": False} if "mix_stderr" in inspect.signature(click.testing.CliRunner).parameters else {}
)


class Result(click.testing.Result):
    """`output` is all that was said; with click 8.1 errors stand at its end."""

    @property
    def output(self) -> str:
        return self.stdout + self.stderr if _APART else super().output


class CliRunner(click.testing.CliRunner):
    """click's, with such a Result."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, **_APART)

    def invoke(self, *arguments: Any, **settings: Any) -> Result:
        return Result(**vars(super().invoke(*arguments, **settings)))
