"""A submission server for the tests of other programs, see docs/testing.md."""

from gsubmit.testing.server import CannotStart, SubmissionServer

__all__ = ["CannotStart", "SubmissionServer"]
