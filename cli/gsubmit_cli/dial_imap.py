"""`gsubmit check-config --dial`, the IMAP servers of BURL: log in as the server would, and say what was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from gsubmit.burl.fetcher import Fetcher, NotResolved
from gsubmit.burl.url import ImapUrl
from gsubmit.net.imap import ImapFault, LoginRefused, Slow
from gsubmit.net.imappool import Who
from gsubmit.settings.burl import BURL_PREFIX, ImapServerSettings
from gsubmit.settings.hosts import host_and_port
from gsubmit.settings.sections import Settings
from gsubmit.tls.client import client_context
from gsubmit_cli.dial import Unusable, tls_facts

MADE_UP = "0" * 32  # a token that no server has given


class Nothing:
    """Where a made-up URL leads."""

    room = 0

    def take(self, content: bytes) -> None:
        """Without room there is never anything."""


class ImapDial:
    """One server of the configuration, to be looked at."""

    def __init__(self, settings: Settings, server: ImapServerSettings) -> None:
        self._server = server
        self._connect_time = settings.burl.connect_timeout
        self._name = host_and_port(server.host, server.port)
        self._context = client_context(settings.ssl, verify=server.ssl_verify) if server.ssl != "no" else None

    def lines(self, user: str) -> Iterator[str]:
        """What it can do. Raises Unusable. The master user logs in for somebody only: for `user`, if there is one."""
        server = self._server
        if not server.is_useful:
            yield f"{self._name} is not used: no password is set for it"
            return
        yield from self._facts()
        if server.has_submit:
            yield from self._as_service()
        if server.has_master and user:
            yield from self._as_owner(user)
        elif server.has_master:
            yield f"not tried: {server.master_user} logs in for others; name one of them with --imap-user"
        if server.forwards:
            yield "not tried: clients' own passwords; gsubmit send-test --via-imap shows whether these do"

    def _facts(self) -> Iterator[str]:
        """What is seen before a login."""
        with self._connection("cannot be used") as fetcher:
            greeting = fetcher.welcome.decode("ascii", "backslashreplace").strip().removeprefix("* ")
            yield f"{self._name} greets: {''.join(filter(str.isprintable, greeting))}"
            if fetcher.tls is None:
                yield "no TLS"
            else:
                yield from tls_facts(fetcher.tls)
            if "AUTH=PLAIN" not in fetcher.capabilities:
                yield "no AUTHENTICATE PLAIN: passwords are sent with LOGIN, which logs nobody in for others"

    def _as_service(self) -> Iterator[str]:
        user = self._server.submit_user
        with self._login(Who(user, self._server.submit_password)) as fetcher:
            yield f"logged in as {user}"
            if "URLAUTH" not in fetcher.capabilities:
                raise Unusable(f"{self._name}: no URLAUTH, which URLFETCH belongs to; see imap_urlauth_method")
            name = quote(user, safe="")
            place = f"imap://{name}@{self._name}/INBOX/;UID=1;URLAUTH=submit+{name}"
            try:
                with fetcher.begun(self._connect_time):
                    fetcher.urlfetch(ImapUrl.parse(f"{place}:INTERNAL:{MADE_UP}"), Nothing())
            except NotResolved as answered:
                yield f"{'' if 'NIL' in answered.reason else 'warning: '}of a made-up URL, {answered.reason}"
            yield f"whether {user} may resolve submit+ URLs shows a real one: gsubmit send-test --via-imap"

    def _as_owner(self, user: str) -> Iterator[str]:
        who = Who(self._server.master_user, self._server.master_password, user)
        with self._login(who) as fetcher:
            yield f"logged in as {who.user} for {user}"
            if "URLAUTH" in fetcher.capabilities:
                yield "URLAUTH: tokens are compared with those that the owner gets"
            else:
                yield "warning: no URLAUTH, so that only URLs without a token can be resolved for the owner"

    @contextmanager
    def _login(self, who: Who) -> Iterator[Fetcher]:
        words = f" for {who.authorization_id}" if who.authorization_id else ""
        with self._connection(f"cannot be used as {who.user}{words}") as fetcher:
            try:
                with fetcher.begun(self._connect_time):
                    fetcher.log_in(who.user, who.password, who.authorization_id)
                    fetcher.learn()
            except LoginRefused as refused:
                raise Unusable(f"{self._name}: {who.user} cannot log in{words}: {refused.reason}") from refused
            yield fetcher

    @contextmanager
    def _connection(self, complaint: str) -> Iterator[Fetcher]:
        """A connection with TLS. What goes wrong with it is an Unusable."""
        try:
            first = self._context if self._server.ssl == "imaps" else None
            fetcher = Fetcher(self._server.host, self._server.port, first, self._connect_time)
            try:
                if self._server.ssl == "starttls":
                    assert self._context is not None
                    with fetcher.begun(self._connect_time):
                        fetcher.go_over_to_tls(self._context)
                yield fetcher
            finally:
                fetcher.leave()
        except ImapFault as fault:
            setting = "ssl" if self._server.name else f"{BURL_PREFIX}ssl"
            advice = imap_advice(fault, self._server.ssl, f"{setting} = ", "ssl_client_ca_file")
            raise Unusable(f"{self._name} {complaint}: {fault.reason}{advice}") from fault


def imap_advice(fault: ImapFault, tls: str, setting: str, authorities: str) -> str:
    """What may have to change, for an IMAP server with TLS by `tls`: imaps, starttls, or another word.

    `setting` is what stands before that word, `authorities` the name of the setting for CA certificates.
    """
    if "certificate verify failed" in fault.reason:
        return f"; the CA of its certificate is to be named ({authorities})"
    if tls == "imaps" and "wrong version number" in fault.reason:
        return f"; it does not begin with TLS: is {setting}starttls meant, or another port?"
    if tls != "imaps" and isinstance(fault, Slow):
        return f"; it may wait for TLS: is {setting}imaps meant?"
    return ""
