"""Every figure, once. docs/guides/watching.md says the same to people; a test compares them."""

from __future__ import annotations

from gsubmit.metrics.layout import Layout

LAYOUT = Layout()

# The mechanisms of sasl/.
MECHANISMS = (
    *("PLAIN", "LOGIN", "EXTERNAL", "OAUTHBEARER", "XOAUTH2", "CRAM-MD5"),
    *("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"),
)
TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "other")
REFUSED = ("refused_4xx", "refused_5xx", "relay_4xx", "relay_5xx")
LATENCIES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
DELAYS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# Clients

OPEN_CONNECTIONS = LAYOUT.gauge("gsubmit_open_connections", "Clients that are connected.")
CONNECTIONS = LAYOUT.counter(
    "gsubmit_connections_total",
    "Connections of clients: accepted, refused because all places were taken, or dropped before they could begin.",
    result=("accepted", "full", "dropped"),
)
SESSIONS = LAYOUT.gauge(
    "gsubmit_sessions",
    "Sessions by what they are doing; proxied ones are served by another server.",
    state=("before_login", "idle", "transaction", "proxied"),
)
TLS_HANDSHAKES = LAYOUT.counter(
    "gsubmit_tls_handshakes_total", "TLS handshakes with clients that succeeded.", version=TLS_VERSIONS
)
FAILED_TLS_HANDSHAKES = LAYOUT.counter(
    "gsubmit_failed_tls_handshakes_total", "TLS handshakes with clients that came to nothing."
)
CLIENT_RECEIVED = LAYOUT.counter("gsubmit_client_received_bytes_total", "Octets that clients sent, without TLS.")
CLIENT_SENT = LAYOUT.counter("gsubmit_client_sent_bytes_total", "Octets that clients were sent, without TLS.")

# Logins

LOGINS = LAYOUT.counter(
    "gsubmit_logins_total",
    "Logins: ok, failed by the client's fault, temporary by the server's, or unfinished ones that the client gave up.",
    mechanism=MECHANISMS,
    result=("ok", "failed", "temporary", "unfinished"),
)
PENALTIES = LAYOUT.counter(
    "gsubmit_login_penalties_total", "Logins that had to wait because others of their network had failed."
)
HASHES = LAYOUT.counter("gsubmit_password_hashes_total", "Slow password hashes that were computed.")
HASHES_QUEUED = LAYOUT.gauge("gsubmit_password_hashes_queued", "Slow password hashes in work or waiting for a thread.")

# Messages

MESSAGES = LAYOUT.counter(
    "gsubmit_messages_total",
    "Messages of who is logged in, one for each MAIL: accepted by the relay, refused by this server, refused by the"
    " relay or for want of it, discarded by a Sieve script, or unfinished when the client gave up or was cut off.",
    result=("accepted", *REFUSED, "discarded", "unfinished"),
)
RECIPIENTS = LAYOUT.counter(
    "gsubmit_recipients_total",
    "Recipients: those of accepted messages, and those that this server or the relay refused.",
    result=("accepted", *REFUSED),
)
RELAY_SENT = LAYOUT.counter(
    "gsubmit_relay_sent_bytes_total", "Octets of accepted messages, with the Received field that is added."
)

# The relay

RELAY_LATENCY = LAYOUT.histogram(
    "gsubmit_relay_latency_seconds",
    "Time until a new connection to the relay is ready for MAIL, until the relay has answered MAIL and RCPT as they"
    " were sent together, and from the end of a message to the reply to it.",
    LATENCIES,
    step=("connect", "envelope", "message"),
)
RELAY_FAILURES = LAYOUT.counter("gsubmit_relay_connect_failures_total", "Connections to the relay that failed to open.")
RELAY_CONNECTIONS = LAYOUT.gauge(
    "gsubmit_relay_connections",
    "Connections to the relay, in use or kept for the next message.",
    state=("busy", "idle"),
)
RELAY_WAITING = LAYOUT.gauge("gsubmit_relay_waiting", "Messages that wait for a connection to the relay.")

# IMAP servers, for BURL

IMAP_FETCH = LAYOUT.histogram(
    "gsubmit_imap_fetch_seconds", "Time to fetch what a URL of BURL stands for, where that succeeded.", LATENCIES
)
IMAP_FAILURES = LAYOUT.counter(
    "gsubmit_imap_fetch_failures_total",
    "URLs of BURL that were not fetched: refused here or by the IMAP server, or because the server failed.",
    result=("refused", "failed"),
)
IMAP_CONNECTIONS = LAYOUT.gauge(
    "gsubmit_imap_connections",
    "Connections to IMAP servers, in use or kept for the next fetch.",
    state=("busy", "idle"),
)
IMAP_WAITING = LAYOUT.gauge("gsubmit_imap_waiting", "Fetches that wait for a connection to an IMAP server.")

# Copies in Sent

SENT_COPIES = LAYOUT.counter(
    "gsubmit_sent_copies_total",
    "Copies for Sent: stored, there already, failed for good, and taken back since the client has stored its own.",
    result=("stored", "there", "failed", "taken_back"),
)
SENT_WAITING = LAYOUT.gauge(
    "gsubmit_sent_waiting", "Copies for Sent that wait: for an IMAP server, or for a look at whether the client came."
)

# The process

LOOP_DELAY = LAYOUT.histogram(
    "gsubmit_loop_delay_seconds",
    "How late a timer went off, ten times a second: for so long the event loop was held by other work.",
    DELAYS,
)
