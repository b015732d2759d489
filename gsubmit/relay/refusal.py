"""The line of the log about a sender or recipient that is refused, whoever refuses it."""

from __future__ import annotations

from gsubmit.logs.failures import log_failure
from gsubmit.logs.text import safe_name
from gsubmit.metrics import current
from gsubmit.metrics.figures import RECIPIENTS
from gsubmit.smtp.address import path_text
from gsubmit.smtp.envelope import Recipient, Sender
from gsubmit.smtp.reply import Reply


def log_refused(request: Sender | Recipient, sender: Sender | Recipient, by: str, reply: Reply, label: str) -> None:
    """`request` is what was refused, in the transaction of `sender`; `by` is `gsubmit` or `relay`, with its facts."""
    path = path_text(sender.reverse_path)[1:-1] if isinstance(sender, Sender) else None
    if isinstance(request, Recipient):
        current.row[RECIPIENTS.at(f"relay_{reply.code // 100}xx")] += 1
        log_refused_words("RCPT", path, str(request.forward_path), f"by={by}, reply=`{reply}'", label)
    else:
        log_refused_words("MAIL", path, None, f"by={by}, reply=`{reply}'", label)


def log_refused_words(verb: str, sender: str | None, recipient: str | None, how: str, label: str) -> None:
    """The same from the words of a client, which may be no addresses; `how` says by whom, and with which reply."""
    names = "" if sender is None else f"from=<{safe_name(sender)}>, "
    names += "" if recipient is None else f"to=<{safe_name(recipient)}>, "
    log_failure("Refused %s: %s%s", verb, names, how, extra={"prefix": label})
