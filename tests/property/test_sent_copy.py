"""The copy in Sent, with crashes at any step before or after it was done, and uploads of the client at any time."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from gsubmit.sent.mailboxes import Mailboxes
from gsubmit.sent.procedure import look, store
from gsubmit.sent.record import Record
from tests.unit.sent.mailstore import DELETED, MESSAGE, SEEN, Content, Store, record

STEPS = ("list", "examine", "find", "append", "select", "mark", "expunge")
COPY = MESSAGE.replace(b"Subject", b"X-Client: yes\r\nSubject")
Event = tuple[str, bool] | None  # a step at which we crash, and whether it was done; None is an upload


class Process:
    """What outlives it is the record, as it was saved last."""

    def __init__(self) -> None:
        self.store = Store()
        self.saved = record().to_json()
        self.is_over = False

    def go_on(self) -> None:
        """One step of the copy, unless it is settled; a crash ends it where it is."""
        made = Record.from_json(self.saved)

        def save() -> None:
            self.saved = made.to_json()

        try:
            if made.is_stored:
                result: str = look(self.store, made, save)  # type: ignore[arg-type]
                self.is_over = result != "alone"
            else:
                mailboxes = Mailboxes("Sent", creates=False)
                result = store(self.store, made, Content(MESSAGE), mailboxes, "/tmp", save)  # type: ignore[arg-type]
                self.is_over = result == "there"
        except ConnectionError:
            return
        save()


events: st.SearchStrategy[Event] = st.one_of(st.none(), st.tuples(st.sampled_from(STEPS), st.booleans()))


@given(st.lists(events, max_size=12))
@example([("append", True), None])
@example([("append", False), None, ("mark", True)])
@example([("examine", True), None, ("expunge", False), ("mark", True)])
def test_there_is_one_in_the_end(story: list[Event]) -> None:
    one = Process()
    uploads = 0
    for event in story:
        if event is None:
            one.store.comes(COPY)
            uploads += 1
            continue
        one.store.dies_at, one.store.after = event
        if not one.is_over:
            one.go_on()
    one.store.dies_at = ""
    for _ in range(4):  # the next process has no crash
        if not one.is_over:
            one.go_on()
    assert not any(DELETED in message.flags for message in one.store.messages.values()), (
        "ours was marked, and forgotten"
    )
    assert len(one.store.messages) == max(uploads, 1)
    theirs = [message for message in one.store.messages.values() if message.octets == COPY]
    assert len(theirs) == uploads
    assert all(message.flags == {SEEN} for message in theirs)
