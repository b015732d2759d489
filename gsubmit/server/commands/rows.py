"""What a row of the command table says, and in which order it is carried out.

Needs look, and raise Refused with a reply of their own; steps act, and are named after what they do (steps.py). `read`
makes a typed value of the argument, once; without it the effect gets the text. The effect
gives the reply, or the promise of one, or None when it has said everything itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from gsubmit.server.commands import needs, steps
from gsubmit.server.session import Session
from gsubmit.server.transaction import Transaction
from gsubmit.server.wire import Answer
from gsubmit.smtp.piece import BurlArgument, Chunk
from gsubmit.smtp.reply import Refused, Reply

MAX_COMMAND_LINE = 2048  # octets without CRLF; all extensions together need about 1260 (LIM-10)

A = TypeVar("A")  # an argument
P = TypeVar("P", Chunk, BurlArgument)
Result: TypeAlias = Reply | Answer | None
Need = Callable[[Session, str], object]
NeedWithin = Callable[[Session, Transaction], None]


class AnyRow(Protocol):
    """What all rows have. As the type of the table it lets mypy see that what is read is what the effect takes."""

    @property
    def max_line(self) -> int:
        """The longest line in octets, without its CRLF."""

    def run(self, session: Session, text: str) -> Result:
        """Carry it out, with the argument as it came. Raises Refused."""


@dataclass(frozen=True, slots=True)
class Row(Generic[A]):
    """A command that needs no transaction."""

    effect: Callable[[Session, A], Result]
    _: KW_ONLY
    needs: tuple[Need, ...] = ()
    read: Callable[[Session, str], A] | None = None
    max_line: int = MAX_COMMAND_LINE

    def run(self, session: Session, text: str) -> Result:
        """Carry it out. Raises Refused."""
        for need in self.needs:
            need(session, text)
        argument: Any = text if self.read is None else self.read(session, text)
        return self.effect(session, argument)


@dataclass(frozen=True, slots=True)
class RowWithin(Generic[A]):
    """A command within a transaction, which is looked for after the needs, and handed on; then come those `within`."""

    effect: Callable[[Session, Transaction, A], Result]
    _: KW_ONLY
    needs: tuple[Need, ...]
    within: tuple[NeedWithin, ...]
    read: Callable[[Session, Transaction, str], A] | None = None
    max_line: ClassVar[int] = MAX_COMMAND_LINE

    def run(self, session: Session, text: str) -> Result:
        """Carry it out. Raises Refused."""
        for need in self.needs:
            need(session, text)
        transaction = needs.transaction(session)
        for need_within in self.within:
            need_within(session, transaction)
        argument: Any = text if self.read is None else self.read(session, transaction, text)
        return self.effect(session, transaction, argument)


@dataclass(frozen=True, slots=True)
class PieceRow(Generic[P]):
    """A command that brings a piece of the message: read first, for a refused one has consequences too (`refuse`)."""

    effect: Callable[[Session, Transaction, P], Result]
    _: KW_ONLY
    read: Callable[[str], P]
    needs: tuple[Need, ...]
    refuse: Callable[[Session, P, Refused], None]
    max_line: ClassVar[int] = MAX_COMMAND_LINE

    def run(self, session: Session, text: str) -> Result:
        """Carry it out. Raises Refused."""
        piece = self.read(text)
        try:
            for need in self.needs:
                need(session, text)
            transaction = needs.transaction(session)
            if piece.fault is not None:
                raise Refused(piece.fault)
            steps.await_recipients(session, transaction)
        except Refused as refused:
            self.refuse(session, piece, refused)
            raise
        return self.effect(session, transaction, piece)
