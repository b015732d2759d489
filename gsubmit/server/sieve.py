"""Sieve scripts on a complete message, and what their result means for mail that goes out (gsubmit-sieve(7))."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from gsubmit.logs.text import safe_name, safe_words
from gsubmit.message.draft import Draft, HeaderTooLong
from gsubmit.net.imap import ImapFault, SaidNo
from gsubmit.scripts.deeds import Copy, Deeds, check_result, deeds_of
from gsubmit.scripts.environment import items
from gsubmit.scripts.mail import DraftMail
from gsubmit.scripts.places import Source
from gsubmit.scripts.scripts import Scripts
from gsubmit.scripts.tracker import OfUser
from gsubmit.scripts.turns import Turns
from gsubmit.server import journal
from gsubmit.server.amend import amend
from gsubmit.server.outcome import Discarded
from gsubmit.server.sentcopy import own_login
from gsubmit.server.session import Session
from gsubmit.server.transaction import Transaction
from gsubmit.server.waiting import Interrupted
from gsubmit.server.wire import TimedOut
from gsubmit.sieve.errors import Mistake, Problem, SieveError
from gsubmit.sieve.mail import Mailboxes, NoMailboxes, World
from gsubmit.sieve.result import Result
from gsubmit.smtp.address import parse_mailbox
from gsubmit.smtp.envelope import Envelope, Filing, Handling, Recipient
from gsubmit.smtp.params import RcptParams
from gsubmit.smtp.reply import Refused, Reply

if TYPE_CHECKING:
    from gsubmit.sent.client import SentClient  # not loaded where nobody has copies

R = TypeVar("R")
MAX_AMENDING = 10_000  # users
MAX_ASKING = 10.0  # seconds for all that a script asks the IMAP server, while its client waits
_USUAL = (Copy(),)  # what becomes of the sender's copy without a script
MAX_REFUSAL = 1000  # characters of the text of reject
MAX_LINES, MAX_LINE = 20, 500  # lines of a script in the log for a message, and characters of each
REFUSED = Reply(550, "5.7.1", "Message refused by a filter")
FAILED = Reply(451, "4.3.0", "A filter failed, try again later")
_log = logging.getLogger("gsubmit.sieve")


def run_scripts(session: Session, transaction: Transaction, draft: Draft) -> None:
    """Run all scripts in a row, and do what they ask for. Raises Refused, Discarded, HeaderTooLong."""
    scripts, login = session.service.scripts, session.login
    assert scripts is not None
    assert login is not None
    result: Result | None = None
    turns = Turns(login.identity.user)
    try:
        for source in scripts.of(login.identity.user, login.identity.fields):
            result = _run(session, transaction, draft, source, turns, result)
            if result is not None and not result.keeps:
                break
    finally:
        turns.end()
    if result is not None:
        _carry_out(session, transaction, result)


def _run(
    session: Session, transaction: Transaction, draft: Draft, source: Source, turns: Turns, before: Result | None
) -> Result | None:
    """What is asked for after one script more; what a script has done that fails is dropped. Raises Refused."""
    scripts = session.service.scripts
    assert scripts is not None
    is_utf8 = transaction.envelope.sender.params.smtputf8
    needs_full_domains = session.service.settings.fixups.submission_refuse_single_label and not source.is_administrators
    fork: Draft | None = None
    try:
        script = scripts.cache.script(source.path, turns, has_own_folder=source.has_own_folder)
        if script is None and source.is_administrators:
            raise SieveError(Problem(source.path, 0, "there is no such script"))
        if script is None:
            return before
        fork = draft.fork()
        mail = DraftMail(fork, may_change_authors=source.is_administrators, is_utf8=is_utf8)
        world = _world(session, transaction, scripts, turns)
        result = script.run(mail, world, Result() if before is None else before.for_next())
        check_result(result, source.path, is_utf8=is_utf8, needs_full_domains=needs_full_domains)
    except SieveError as error:
        _failed(session, transaction, source, error)
        return before
    except (HeaderTooLong, Interrupted, TimedOut, OSError):
        raise
    except Exception:  # a fault of ours
        _log.exception("message %s: %s", transaction.id, source.path, extra={"prefix": session.label})
        _failed(session, transaction, source, SieveError(Problem(source.path, 0, "the script cannot be carried out")))
        return before
    draft.adopt(fork)
    return result


def _failed(session: Session, transaction: Transaction, source: Source, error: SieveError) -> None:
    """Log it; a user's script is then as if it were not there. Raises Refused."""
    scripts = session.service.scripts
    assert scripts is not None
    assert session.login is not None
    whose = source.path if source.is_administrators else session.login.identity.user
    if scripts.complains(whose):
        level = logging.ERROR if source.is_administrators else logging.WARNING
        problem = error.problems[0]
        _log.log(level, "message %s: %s", transaction.id, problem, extra={"prefix": session.label})
    if source.is_administrators and scripts.settings.submission_sieve_error == "tempfail":
        raise Refused(FAILED)


# What scripts see


def _world(session: Session, transaction: Transaction, scripts: Scripts, turns: Turns) -> World:
    service, login, envelope = session.service, session.login, transaction.envelope
    assert login is not None
    user, sender = login.identity.user, envelope.sender.reverse_path
    return World(
        sender="" if sender is None else str(sender),
        recipients=[str(recipient.forward_path) for recipient in envelope.recipients],
        login=user,
        delimiters=service.settings.submission.senders.recipient_delimiter,
        items=items(user, service.hostname, session.ends.remote_ip),
        variables=scripts.variables,
        mailboxes=NoMailboxes() if service.sent is None else _Mailboxes(session, turns),
        tracker=OfUser(scripts.memory, user),
        pause=turns,
        say=_log_of(session, transaction),
    )


def _log_of(session: Session, transaction: Transaction) -> Callable[[str], None]:
    """What takes a script's lines for the log: anybody can write scripts, so they are short, and not many."""
    left = MAX_LINES

    def say(text: str) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            line = _one_line(text[:MAX_LINE]) if left else "the script has more to say"
            _log.info("%s: %s", transaction.id, line, extra={"prefix": session.label})

    return say


@dataclass(slots=True)
class _Mailboxes(Mailboxes):
    """Those of the user, asked for with the logins that the copy in Sent has; `seconds` were spent on that."""

    session: Session
    turns: Turns
    seconds: float = 0.0

    def exists(self, mailbox: str) -> bool:
        return self._asked(lambda client: client.exists(mailbox))

    def has_special_use(self, use: str, mailbox: str | None) -> bool:
        names = self._asked(lambda client: client.mailboxes_for(use))
        return bool(names) if mailbox is None else mailbox in names

    def _asked(self, act: Callable[[SentClient], R]) -> R:
        login, sent = self.session.login, self.session.service.sent
        assert login is not None
        assert sent is not None
        if self.seconds >= MAX_ASKING:
            raise Mistake(f"questions to the IMAP server have taken more than {MAX_ASKING:.0f} seconds")
        began = time.monotonic()
        try:
            with self.turns.aside():
                return sent.asked(login.identity.user, own_login(login), act)
        except (ImapFault, SaidNo) as fault:
            raise Mistake(f"the IMAP server cannot be asked: {fault.reason}") from None
        finally:
            self.seconds += time.monotonic() - began


# What is done


def _carry_out(session: Session, transaction: Transaction, result: Result) -> None:
    """Raises Refused, Discarded."""
    envelope, deeds = transaction.envelope, deeds_of(result)
    if deeds.refusal is not None:
        raise Refused(_refusal(session, transaction, deeds.refusal))
    tracked = tuple((one.id, one.seconds) for one in result.tracked)
    if tracked or deeds.copies != _USUAL:
        copies = tuple(Filing(*copy) for copy in deeds.copies)
        envelope.handling = replace(envelope.handling or Handling(), filings=copies, tracked=tracked)
    if deeds.discards:
        raise Discarded
    recipients = _recipients(envelope.recipients, deeds)
    told = [f"redirect=<{safe_name(address)}>" for address in deeds.added]
    told += [f"fileinto={safe_words(copy.mailbox)}" for copy in deeds.copies if copy.mailbox]
    if told:
        journal.filtered(session, transaction, told)
    if recipients != envelope.recipients:
        _expect_more(session)
        amend(session, transaction, Envelope(envelope.sender, recipients, envelope.mailbox, envelope.handling))


def _recipients(given: Sequence[Recipient], deeds: Deeds) -> list[Recipient]:
    """Those who get the message; one that the client gave keeps its parameters, and reports come as it has asked."""
    added = [parse_mailbox(address) for address in deeds.added]
    found = [one for one in given if deeds.reaches_recipients or any(map(one.forward_path.is_same_mailbox, added))]
    for address in added:
        if not any(one.forward_path.is_same_mailbox(address) for one in found):
            found.append(Recipient(address, RcptParams("NEVER")))
    return found


def _expect_more(session: Session) -> None:
    """The envelope changes, and is likely to do so again."""
    scripts, login = session.service.scripts, session.login
    assert scripts is not None
    assert login is not None
    if len(scripts.amending) >= MAX_AMENDING:
        scripts.amending.clear()
    scripts.amending.add(login.identity.user)


def _refusal(session: Session, transaction: Transaction, text: str) -> Reply:
    """The text of a script as a reply; what is not in ASCII, with SMTPUTF8 too (RFC 6531 3.7.4), goes to the log."""
    said = "\n".join(map(_printable, text[:MAX_REFUSAL].strip().splitlines()))
    if said and said.isascii():
        return REFUSED.with_text(said)
    if said:
        _log.info("%s: reject: %s", transaction.id, _one_line(said), extra={"prefix": session.label})
    return REFUSED


def _printable(line: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in " ".join(line.split()))


def _one_line(text: str) -> str:
    return safe_words(" ".join(text.split()))
