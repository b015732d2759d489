"""Another server's replies, made fit for our client (RLY-5 to RLY-7 of docs/rules.md; RFC 5321 4.2, RFC 2034)."""

from __future__ import annotations

import logging
import re

from gsubmit.logs.failures import log_failure
from gsubmit.smtp.replies import RELAY_NONSENSE, RELAY_REFUSES_US
from gsubmit.smtp.reply import Refused, Reply

# Answers about the relay's own terms with us. Passed on, 530 would make a client ask its user for a password.
_NOT_FOR_CLIENTS = frozenset({432, 454, 530, 534, 535, 538})
_GOOD = frozenset({250, 251, 252})  # of 2yz, what answers MAIL, RCPT, VRFY and the message (RFC 5321 4.3.2)
_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?:[ \t]+|$)", re.ASCII)
_NOT_PRINTABLE = re.compile(r"[^\t -~]")


class RelayFailed(Refused):
    """The other server cannot serve us.

    `reply` is for the client, `why` for the log; `said` is the other server's own reply that this comes from, without
    secrets of ours that it may repeat, None where there was none; `lost`: the connection broke.
    """

    def __init__(self, reply: Reply, why: str, *, said: Reply | None = None, lost: bool = False) -> None:
        super().__init__(reply)
        self.why = why
        self.said = said
        self.lost = lost

    def __str__(self) -> str:
        return self.why

    @property
    def by(self) -> str:
        """Who says no, for the log: the other server, or we because of what it did."""
        return "gsubmit" if self.said is None else "relay"

    def log(self, label: str = "gsubmit") -> None:
        """Say it in the log; `label` is who it is about. Whoever lets a failure out of relay/ has called this."""
        log_failure("relay: %s", self.why, extra={"prefix": label}, level=logging.ERROR)


class LoginRefused(RelayFailed):
    """It has refused a login, by `refusal`."""

    def __init__(self, reply: Reply, why: str, refusal: Reply) -> None:
        super().__init__(reply, why, said=refusal)
        self.refusal = refusal

    @property
    def is_final(self) -> bool:
        """Whether there is no use in trying again later."""
        return self.refusal.code // 100 == 5


class SaidMore(RelayFailed):
    """It said more than it was asked: which reply answers what can no longer be known on this connection."""


class KeywordRefused(RelayFailed):
    """It does not honour something that it lists (`keyword`); the message can go another way, on a new connection."""

    def __init__(self, reply: Reply, why: str, keyword: str, said: Reply | None = None) -> None:
        super().__init__(reply, why, said=said, lost=True)
        self.keyword = keyword


def read_lines(code: int, lines: list[str]) -> Reply:
    """A relay's reply from its code and the texts of its lines; the enhanced status is taken out of the texts."""
    status = ""
    texts = []
    for line in lines:
        if (matched := _STATUS.match(line)) is not None:
            if matched[1] == str(code)[0]:  # a status of another class is no status (RFC 2034 4)
                status = status or ".".join(str(int(part)) for part in matched.groups())
            line = line[matched.end() :]  # noqa: PLW2901
        texts.append(_NOT_PRINTABLE.sub("?", line))
    return Reply(code, status, "\n".join(texts))


def is_about_us(reply: Reply) -> bool:
    """Whether it refuses us rather than our client: no client is to hear it, and an administrator has to mend it."""
    return reply.code in _NOT_FOR_CLIENTS


def is_answer(reply: Reply) -> bool:
    """Whether it can be the answer to MAIL, RCPT, VRFY or a message at all."""
    return reply.code not in (220, 221) and reply.code // 100 != 3


def for_client(reply: Reply, default_detail: str = "0.0") -> Reply:
    """The reply that the client hears for this one of the relay's. `default_detail` is the status after its class."""
    code = reply.code
    if code == 250 and reply.status:  # as nearly all of them
        return reply
    if code in _NOT_FOR_CLIENTS:
        return RELAY_REFUSES_US
    if not is_answer(reply):
        return RELAY_NONSENSE
    status = reply.status or f"{code // 100}.{default_detail if code < 300 else '0.0'}"
    if code == 421:  # the relay ends its connection, not ours
        code = 451
    elif code // 100 == 2 and code not in _GOOD:
        code = 250
    elif code // 10 % 10 > 5:  # 571 and its like are no reply codes (RFC 5321 4.2)
        code = code // 100 * 100 + 50
    if (code, status) == (reply.code, reply.status):
        return reply
    return Reply(code, status, reply.text)
