"""Words that tell what they do, for whoever wants to see a script at work."""

from __future__ import annotations

from dataclasses import dataclass

from gsubmit.sieve.machine import Command, Machine, Test


@dataclass(frozen=True, slots=True)
class TracedTest:
    """A test that says how it ended."""

    name: str
    test: Test

    def holds(self, machine: Machine) -> bool:
        """Of the test."""
        holds = self.test.holds(machine)
        machine.tell(f"{self.name}: {'true' if holds else 'false'}")
        return holds


@dataclass(frozen=True, slots=True)
class TracedCommand:
    """A command that says that its turn has come."""

    name: str
    command: Command

    def run(self, machine: Machine) -> None:
        """Of the command."""
        machine.tell(self.name)
        self.command.run(machine)
