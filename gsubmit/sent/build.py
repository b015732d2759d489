"""From the settings to SentCopies."""

from __future__ import annotations

import ssl

from gsubmit.net.imappool import Pool, Who
from gsubmit.sent.client import SentClient
from gsubmit.sent.folder import Folder
from gsubmit.sent.keeper import AT_A_TIME, SentCopies
from gsubmit.sent.steps import Rules, Steps
from gsubmit.settings.burl import BurlSettings
from gsubmit.settings.sent import SentServerSettings, SentSettings


def sent_copies(
    server: SentServerSettings, sent: SentSettings, context: ssl.SSLContext | None, burl: BurlSettings, directory: str
) -> SentCopies:
    """`context` is for TLS to the server; times are those of BURL, and `directory` is for large messages."""

    def master(user: str) -> Who:
        return Who(server.master_user, server.master_password, user)

    pool = Pool(SentClient, server, context, burl.connect_timeout, AT_A_TIME)
    rules = Rules(
        mailbox=sent.submission_sent_mailbox,
        creates=sent.submission_sent_create,
        delay=sent.submission_sent_delay,
        seconds=burl.timeout,
        directory=directory,
    )
    folder = sent.submission_sent_retry_dir
    return SentCopies(
        Steps(pool, master if server.has_master else None, rules),
        Folder(folder, sent.submission_sent_retry_size) if folder else None,
    )
