"""What to look at when a submission server does not do what was asked of it."""

from __future__ import annotations

from gsubmit_cli.probe.answer import Answer
from gsubmit_cli.probe.failure import Stage
from gsubmit_cli.probe.target import Target

TROUBLE = {
    "name": "check the spelling of the host name, and that this machine can look names up",
    "refused": "is the server running, and is {port} the right port? (587 for STARTTLS, 465 for implicit TLS)",
    "unreachable": "check the address, the route and the firewalls between here and {host}",
    "timeout": "look at the server's load and log, and for a firewall that drops packets; --timeout waits longer",
    "closed": "the server ended the connection: its log says why (limits, a block list, a crash)",
    "untrusted": "give the CA's certificate with --ca FILE, use a name that is in the certificate, or use --insecure",
    "tls": "does the port speak TLS this way? Try another --tls; else look at the server's TLS settings",
    "garbage": "this does not look like an SMTP server: check host and port",
}
RELAY_TROUBLE = {
    "name": "check submission_relay_host",
    "refused": "is the relay running? Check submission_relay_host and submission_relay_port",
    "untrusted": "check submission_relay_host, ssl_client_ca_file, ssl_client_ca_dir; see submission_relay_ssl_verify",
    "tls": "check submission_relay_ssl and submission_relay_port, and the relay's certificate",
}
RELAY_LOGIN = "check submission_relay_user and submission_relay_password; the relay's log says more"
SILENT_GREETING = {
    "timeout": "a server that says nothing may wait for TLS: try --tls implicit",
    "closed": "a server that says nothing may have waited for TLS: try --tls implicit; else its log says why it closed",
}

# What a server ought to offer and does not: what to look at, for any server and for the relay of a configuration.
MISSING = {
    "STARTTLS": ("is the server configured for TLS? Try --tls implicit, or --tls none", "check submission_relay_ssl"),
    "AUTH": ("many servers offer it inside TLS only: see --tls. Is the port right?", "check submission_relay_ssl"),
    "SMTPUTF8": ("check --from and --to", "check --from and --to"),
    "CHUNKING": ("leave out --bdat", "leave out --bdat"),
    "BURL": (
        "is --user given, and is BURL set up at the server (imap_urlauth_host and a password)?",
        "most relays do not: ask the server in front of it",
    ),
    "BURL imap": (
        "it takes no URLs with URLAUTH: is a password set for the IMAP server?",
        "most relays do not: ask the server in front of it",
    ),
}

NEXT_HOP = "the server cannot reach the relay behind it: look at its log, or run `gsubmit send-test --relay` there"
TOO_LARGE = "the message is larger than the server allows: see SIZE above and submission_max_mail_size"

# What is refused for who asks, by whether it is the relay of a configuration, and whether there was a login.
DENIED_SENDER = {
    (False, False): "the address is refused without a login: give --user, or check --from",
    (False, True): "this login may not send as that address, or the address is wrong: check --from",
    (True, False): "the relay refuses this sender: check --from, or submission_relay_user for a login",
    (True, True): "the relay refuses this sender, although our login was good: check --from, and the relay's log",
}
DENIED_RECIPIENT = {
    (False, False): "relaying is denied, or the address is unknown: log in with --user, and check --to",
    (
        False,
        True,
    ): "the login was good, but the server's rules refuse --to or --from, or the relay behind it does not accept "
    "that server (mynetworks): see their logs",
    (True, False): "the relay does not accept this server: its mynetworks, or submission_relay_user for a login",
    (True, True): "our login was good, but the relay's rules refuse --to or --from: see its log",
}

DIAL = "`gsubmit check-config --dial` there tries it, and the server's log says more"

# Of the answer to BURL: reply code (0: any), start of the enhanced status, what to look at.
BURL_REPLIES: tuple[tuple[int, str, str], ...] = (
    (0, "5.7.14", "the server does not trust that IMAP server: imap_urlauth_host and _port must be those in the URL"),
    (554, "5.7.0", "the token is wrong, or for somebody else: what comes after submit+ in the URL must be --user"),
    (0, "5.6.6", "the URL gave nothing: expired, wrong token, the message is gone, or a wrong imap_urlauth_method"),
    (451, "4.4", f"the server has trouble with the IMAP server, or with the relay: see its words. {DIAL}"),
    (451, "4.3", f"perhaps the IMAP server refuses its login: imap_urlauth_submit_user or _master_user. {DIAL}"),
    (501, "", "the server does not take this for the URL of a message"),
)

# The same with the stage or the name of a step (None: any) in front. The first row that fits counts.
REPLIES: tuple[tuple[Stage | str | None, int, str, str | dict[tuple[bool, bool], str]], ...] = (
    *(("BURL", *row) for row in BURL_REPLIES),
    (None, 421, "4.4", NEXT_HOP),
    (None, 421, "", "the server is closing: too many connections, a limit reached, or a shutdown; see its log"),
    (None, 451, "4.4", NEXT_HOP),
    (None, 451, "4.3", "the server has trouble of its own, or its relay does not accept it: look at its log"),
    (Stage.GREETING, 554, "", "the server does not talk to this address: look for block lists and access rules"),
    (Stage.TLS, 454, "", "the server has no usable certificate: check ssl_cert and ssl_key, and its log"),
    (Stage.AUTH, 535, "", "check --user and the password; on the server, the passdb and the log"),
    (Stage.AUTH, 454, "", "the server could not check the password: is its passdb reachable? Look at its log"),
    (Stage.AUTH, 504, "", "the server does not support this mechanism: try another --auth"),
    (Stage.AUTH, 525, "", "the password is right but the account is disabled"),
    (Stage.AUTH, 530, "", "the server wants TLS first: use --tls starttls or implicit"),
    (Stage.AUTH, 534, "", "the mechanism is too weak for this server: use TLS or another --auth"),
    (Stage.AUTH, 538, "", "the server wants TLS first: use --tls starttls or implicit"),
    (Stage.MAIL, 452, "", "the server is short of storage: look at mail_temp_dir and its disk"),
    (Stage.MAIL, 552, "", TOO_LARGE),
    (Stage.MAIL, 550, "", DENIED_SENDER),
    (Stage.MAIL, 553, "", DENIED_SENDER),
    (Stage.RCPT, 0, "5.7.1", DENIED_RECIPIENT),
    (Stage.RCPT, 554, "", DENIED_RECIPIENT),
    (Stage.RCPT, 550, "5.1", "the address is not known there: check --to"),
    (Stage.RCPT, 550, "", DENIED_RECIPIENT),
    (Stage.RCPT, 450, "", "not now: greylisting, a full mailbox or a lookup that failed; try again later"),
    (Stage.RCPT, 452, "", "too many recipients at once: see submission_max_recipients"),
    (Stage.MESSAGE, 552, "", TOO_LARGE),
    (Stage.MESSAGE, 0, "5.3.4", TOO_LARGE),
    (Stage.MESSAGE, 0, "5.6", "the server objects to the content: bare CR or LF, NUL or 8-bit octets?"),
    (Stage.MESSAGE, 0, "5.7", "refused by policy: a content filter at the server or behind it; see its log"),
    (None, 500, "", "the server does not know this command: is it a submission server?"),
    (None, 502, "", "the server does not know this command: is it a submission server?"),
)


def reply_hint(answer: Answer, stage: Stage, target: Target, step: str) -> str:
    """What to look at after a reply that refuses."""
    if target.configured and stage is Stage.AUTH:
        return RELAY_LOGIN
    if target.configured and step == "XCLIENT":
        return "check submission_relay_trusted: the relay must allow this server to say XCLIENT"
    if answer.code == 530 and stage > Stage.AUTH:
        return _login_hint(answer, target)
    for place, code, status, hint in REPLIES:
        if place in (None, stage, step) and code in (0, answer.code) and answer.status.startswith(status):
            return hint if isinstance(hint, str) else hint[target.configured, target.user is not None]
    if answer.code < 400:
        return "the server does not keep to the protocol: is it a submission server?"
    if answer.code < 500:
        return "a temporary failure: try again later; the server's log says more"
    return "the server's log says more"


def _login_hint(answer: Answer, target: Target) -> str:
    if target.tls == "none" and "TLS" in answer.text.upper():
        return f"the server wants TLS first: {'set submission_relay_ssl' if target.configured else 'see --tls'}"
    if target.user is None:
        return f"the server wants a login: {'set submission_relay_user' if target.configured else 'give --user'}"
    return "the login does not count for this command: look at the server's log"
