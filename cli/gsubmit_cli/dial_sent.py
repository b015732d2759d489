"""`gsubmit check-config --dial`, the server for copies in Sent: log in as the server would, and say what was found."""

from __future__ import annotations

from collections.abc import Iterator

from gsubmit.net.imap import ImapFault
from gsubmit.net.imappool import Pool, Who
from gsubmit.sent.client import No, SentClient
from gsubmit.settings.hosts import host_and_port
from gsubmit.settings.sections import Settings
from gsubmit.tls.client import client_context
from gsubmit_cli.dial import Unusable


def dial_sent(settings: Settings, user: str) -> Iterator[str]:
    """Whether there is a mailbox for `user`, if the master user logs in for one. Raises Unusable."""
    server, time = settings.sent.server, settings.burl.connect_timeout
    assert server is not None
    name = host_and_port(server.host, server.port)
    if not (server.has_master and user):
        yield f"{name} is not tried: copies are stored for somebody, who is named with --imap-user, by a master user"
        return
    context = client_context(settings.ssl, verify=server.ssl_verify) if server.ssl != "no" else None
    pool = Pool(SentClient, server, context, time, 1)
    try:
        with pool.connection(Who(server.master_user, server.master_password, user)) as client, client.begun(time):
            yield f"{name}: logged in as {server.master_user} for {user}"
            marked = client.mailbox_for(r"\Sent")
            sent = marked or settings.sent.submission_sent_mailbox
            yield f"{sent} is the mailbox" + ("" if marked else ", for none is marked as Sent")
            if not client.can_expunge_one:
                yield "warning: no UIDPLUS, so that no copy is taken back when the client stores one as well"
    except (ImapFault, No) as fault:
        raise Unusable(f"{name}: {fault.reason}") from fault
    finally:
        pool.close()
