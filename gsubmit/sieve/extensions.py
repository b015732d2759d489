"""What is to be known of extensions: which bring others, and which make no sense for mail that goes out, and why."""

from __future__ import annotations

_REPLIES = "one's own mail is not answered"
_SCORES = "mail is not rated here"
_MAILBOX = "it speaks of the mailbox of who receives"
_PROGRAMS = "programs are for plugins"
IMPLIED = {"vnd.dovecot.environment": ("environment",)}  # in Pigeonhole, whose extension it is, too
UNFIT = {
    "vacation": _REPLIES,
    "vacation-seconds": _REPLIES,
    "imapsieve": "it is for changes of mailboxes",
    "mboxmetadata": _MAILBOX,
    "servermetadata": _MAILBOX,
    "spamtest": _SCORES,
    "spamtestplus": _SCORES,
    "virustest": _SCORES,
    "processcalendar": _MAILBOX,
    "mailboxid": _MAILBOX,
    "vnd.dovecot.pipe": _PROGRAMS,
    "vnd.dovecot.filter": _PROGRAMS,
    "vnd.dovecot.execute": _PROGRAMS,
    "vnd.dovecot.report": "it is for mail that was received",
}
