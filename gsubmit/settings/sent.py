"""The settings of the copy in Sent, and of the IMAP server that it goes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gsubmit.settings.burl import ImapServerSettings
from gsubmit.settings.declare import part, setting
from gsubmit.settings.hosts import is_loopback, server
from gsubmit.settings.kinds import boolean, enum, path, port, seconds, size, string
from gsubmit.settings.parse import Value
from gsubmit.settings.problem import Place, Report

IMAP_PREFIX = "imap_"
_COMMON = ("host", "port", "ssl", "ssl_verify", "master_user", "master_password", "forward_credentials", "cleartext")


@dataclass(frozen=True, slots=True)
class SentServerSettings:
    """The IMAP server of the mailboxes; what is not set is as in the first server of BURL."""

    host: str = setting(
        server, "", "IMAP server where users have their Sent mailbox; what is not set is as for imap_urlauth_host."
    )
    port: int = setting(port, 143, "Its TCP port.")
    ssl: str = setting(
        enum("no", "starttls", "imaps"), "no", "TLS to it: no, starttls, or imaps (from the first octet)."
    )
    ssl_verify: bool = setting(boolean, True, "Whether its certificate must be valid for its name.")
    master_user: str = setting(string, "", "Its user that may log in for others, by a SASL authorization id.")
    master_password: str = setting(string, "", "Password of that user.", secret=True)
    forward_credentials: bool = setting(
        boolean, False, "Whether to log in there with the password or token that the client used here."
    )
    cleartext: bool = setting(boolean, False, "Whether to send passwords without TLS if it is another machine.")

    @property
    def has_master(self) -> bool:
        """Whether one can log in for any user."""
        return bool(self.master_user and self.master_password)


@dataclass(frozen=True, slots=True)
class SentSettings:
    """What becomes of a message once the relay has it."""

    submission_sent_copy: bool = setting(
        boolean,
        False,
        "Whether to put each message into its sender's Sent mailbox, once: clients that do so themselves may go on.",
        "The field `sent` of a user's passdb entry wins over it: yes, no, or the name of a mailbox; where this"
        " is no, it counts if imap_host or submission_sent_retry_dir is set. Exactly once needs imap_master_user.",
    )
    submission_sent_mailbox: str = setting(
        string, "Sent", "The mailbox where the IMAP server marks none as Sent (RFC 6154)."
    )
    submission_sent_create: bool = setting(
        boolean, False, "Whether to create and subscribe that mailbox where it is missing."
    )
    submission_sent_delay: float = setting(
        seconds, 0.0, "Time to wait before a message is put there, so that copies of clients come first."
    )
    submission_sent_retry_dir: str = setting(
        path,
        "",
        "Folder for messages that are not in Sent yet, for a day at most; empty: in memory, and tried three times.",
        "It needs imap_master_user. A message is there before its client hears that it was accepted, so that none is"
        " missing after a crash; `gsubmit sent` lists them. All workers use the same folder, and no other server may.",
    )
    submission_sent_retry_size: int = setting(
        size, 1 << 30, "Most octets in that folder; messages beyond it are kept in memory only. 0 means unlimited."
    )
    imap: SentServerSettings = part(SentServerSettings, IMAP_PREFIX)
    server: SentServerSettings | None = None  # imap with what it has from BURL; None where nobody can have copies


def with_server(sent: SentSettings, first: ImapServerSettings | None, values: Mapping[str, Value]) -> SentSettings:
    """The settings with the server where copies go.

    What is not set in `imap` is as in `first`, BURL's, unless that is another one. `values` are those that were set.
    """
    own = sent.imap
    if not (sent.submission_sent_copy or own.host or sent.submission_sent_retry_dir):
        return sent
    if first is not None and own.host in ("", first.host):
        inherited = {name: getattr(first, name) for name in _COMMON if IMAP_PREFIX + name not in values}
        own = replace(own, **inherited)
    return replace(sent, server=own)


def check_sent(sent: SentSettings, place: Callable[..., Place], report: Report) -> None:
    """Report what does not fit together; `place` says where settings stand."""
    there = sent.server
    if there is None:
        return
    asked = place("submission_sent_copy", "submission_sent_retry_dir", "imap_host")
    if not there.host:
        report.problem(asked, "a copy in Sent needs imap_host, or imap_urlauth_host")
    elif bool(there.master_user) != bool(there.master_password):
        report.problem(place("imap_master_user"), "imap_master_user and imap_master_password need each other")
    elif not there.has_master and not there.forward_credentials:
        text = "a copy in Sent needs imap_master_user and its password, or imap_forward_credentials"
        report.problem(asked, text)
    elif there.ssl == "no" and not there.cleartext and not is_loopback(there.host):
        text = f"passwords would go to {there.host} in clear text; set imap_ssl, or imap_cleartext = yes if nobody else"
        report.problem(asked, f"{text} sees that network")
    elif there.ssl != "no" and not there.ssl_verify and not is_loopback(there.host):
        text = f"imap_ssl_verify = no lets anybody between here and {there.host} read the passwords"
        report.notice("warning", place("imap_ssl_verify"), text)
    if there.has_master and not sent.submission_sent_retry_dir:
        text = "without submission_sent_retry_dir no copy comes to Sent after a crash, or while the IMAP server is down"
        report.notice("warning", asked, text)
    elif sent.submission_sent_retry_dir and not there.has_master:
        text = "submission_sent_retry_dir has no effect without imap_master_user"
        report.notice("warning", place("submission_sent_retry_dir"), text)
