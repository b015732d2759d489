"""The named replies: every fixed answer to a client in one place, short, plain and stable."""

from __future__ import annotations

from functools import lru_cache

from gsubmit.smtp.reply import Reply

OK = Reply(250, "2.0.0", "OK")
CANNOT_VERIFY = Reply(252, "2.5.0", "Cannot verify, try RCPT instead")  # RFC 5321 3.5.3
BYE = Reply(221, "2.0.0", "Bye")
START_TLS = Reply(220, "2.0.0", "Begin TLS negotiation now")
START_MAIL = Reply(354, "", "Start mail input; end with <CRLF>.<CRLF>")
LOGGED_IN = Reply(235, "2.7.0", "Logged in")

# The command line itself
BAD_LINE = Reply(500, "5.5.2", "Invalid command syntax")
LINE_TOO_LONG = Reply(500, "5.5.2", "Line too long")
UNKNOWN_COMMAND = Reply(500, "5.5.1", "Unknown command")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not implemented")
MISSING_ARGUMENT = Reply(501, "5.5.4", "This command needs a parameter")
NO_PARAMETERS = Reply(501, "5.5.4", "This command takes no parameters")
MISSING_HOSTNAME = Reply(501, "", "Missing hostname")  # no enhanced status in EHLO's replies, RFC 2034 4

# State
HELLO_FIRST = Reply(503, "5.5.1", "Say EHLO first")
TLS_REQUIRED = Reply(530, "5.7.0", "TLS required")
AUTH_REQUIRED = Reply(530, "5.7.0", "Authentication required")
MAIL_GIVEN = Reply(503, "5.5.1", "MAIL already given")
MAIL_FIRST = Reply(503, "5.5.1", "MAIL needed first")
NO_RECIPIENTS = Reply(554, "5.5.1", "No valid recipients")
CHUNK_FAILED = Reply(503, "5.5.1", "Previous data chunk failed, issue RSET first")
CHUNKS_BEGUN = Reply(503, "5.5.1", "Not allowed after BDAT in the same transaction")
BINARY_NEEDS_BDAT = Reply(503, "5.5.1", "DATA cannot be used with BINARYMIME")
TALKED_TOO_EARLY = Reply(554, "5.5.0", "Data sent before the go-ahead")
TOO_MANY_BAD_COMMANDS = Reply(421, "4.7.0", "Too many invalid commands")
TOO_MANY_COMMANDS = Reply(421, "4.7.0", "Too many commands without a login")
FOREIGN_PROTOCOL = Reply(500, "5.5.1", "This server speaks SMTP, goodbye")

# TLS and login
TLS_ACTIVE = Reply(502, "5.5.1", "TLS is already active")
TLS_UNAVAILABLE = Reply(502, "5.5.1", "TLS support is not enabled")
ALREADY_AUTHENTICATED = Reply(503, "5.5.1", "Already authenticated")
AUTH_IN_TRANSACTION = Reply(503, "5.5.1", "Authentication not permitted during a mail transaction")
NO_FRONT_END = Reply(550, "5.7.14", "You are not from trusted IP")
TLS_TOO_LATE = Reply(503, "5.5.1", "STARTTLS not permitted after XCLIENT")
XCLIENT_TOO_LATE = Reply(503, "5.5.1", "XCLIENT not permitted after the login")
MISSING_MECHANISM = Reply(501, "5.5.4", "Missing SASL mechanism parameter")
BAD_AUTH_SYNTAX = Reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
UNKNOWN_MECHANISM = Reply(504, "5.5.4", "Unsupported authentication mechanism")
MECHANISM_NEEDS_TLS = Reply(504, "5.5.4", "Mechanism needs a TLS connection, issue STARTTLS first")
AUTH_ABORTED = Reply(501, "5.7.0", "Authentication aborted")
AUTH_MALFORMED = Reply(501, "5.5.2", "Invalid authentication response")
AUTH_LINE_TOO_LONG = Reply(500, "5.5.6", "Authentication response too long")
AUTH_FAILED = Reply(535, "5.7.8", "Authentication failed")
AUTH_DISABLED = Reply(525, "5.7.13", "Login disabled for this user")
AUTH_UNAVAILABLE = Reply(454, "4.7.0", "Temporary authentication failure")
ACCOUNT_UNAVAILABLE = Reply(454, "4.7.0", "Account is temporarily unavailable.")
REFERRAL = Reply(550, "5.2.900", "Referral")  # Dovecot's
TOO_MANY_FAILED_LOGINS = Reply(421, "4.7.0", "Too many failed logins")
BINDING_USED = Reply(421, "4.7.0", "Connect anew to log in with channel binding again")  # RFC 9266 4.1
NO_INITIAL_RESPONSE = Reply(501, "5.7.0", "This mechanism takes no initial response")  # RFC 4954 4

# MAIL, RCPT and their parameters
BAD_MAIL_SYNTAX = Reply(501, "5.5.4", "Syntax: MAIL FROM:<address>")
BAD_RCPT_SYNTAX = Reply(501, "5.5.4", "Syntax: RCPT TO:<address>")
BAD_SENDER = Reply(501, "5.1.7", "Invalid sender address")
BAD_RECIPIENT = Reply(501, "5.1.3", "Invalid recipient address")
SINGLE_LABEL_SENDER = Reply(554, "5.1.8", "Sender address needs a domain with more than one label")
SINGLE_LABEL_RECIPIENT = Reply(554, "5.1.2", "Recipient address needs a domain with more than one label")
UTF8_SENDER = Reply(550, "5.6.7", "Non-ASCII sender address needs SMTPUTF8")
UTF8_RECIPIENT = Reply(553, "5.6.7", "Non-ASCII recipient address needs SMTPUTF8")
UTF8_ORCPT = Reply(501, "5.5.4", "Non-ASCII ORCPT= value needs SMTPUTF8")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")
TOO_BIG = Reply(552, "5.3.4", "Message size exceeds the fixed maximum")
NO_UTF8_SENDER = Reply(550, "5.6.7", "The relay server does not take non-ASCII sender addresses")
NO_UTF8_RECIPIENT = Reply(553, "5.6.7", "The relay server does not take non-ASCII recipient addresses")

# Content
BAD_CHUNK_SIZE = Reply(501, "5.5.4", "Invalid chunk size")
BAD_CHUNK_MARKER = Reply(501, "5.5.4", "Syntax: BDAT size [LAST]")
BARE_LINE_END = Reply(550, "5.6.11", "Message contains a bare CR or LF")
HOLDS_NUL = Reply(554, "5.6.0", "Message contains NUL characters")
EMPTY_MESSAGE = Reply(554, "5.6.0", "Message is empty")
LOOPING = Reply(554, "5.4.6", "Too many Received fields, the message is looping")
CANNOT_CONVERT = Reply(554, "5.6.3", "Message cannot be converted to what the relay server takes")
UTF8_HEADER = Reply(554, "5.6.9", "Message has non-ASCII header fields, which the relay server does not take")
NO_FROM = Reply(554, "5.6.0", "Message has no From field")
SEVERAL_FROM = Reply(554, "5.6.0", "Message has more than one From field")
HEADER_TOO_LONG = Reply(554, "5.6.0", "Message has a header that is too long")
NO_ROOM = Reply(452, "4.3.1", "Not enough room to take the message now")

# BURL (RFC 4468 6, with the status of RFC 5248 for its own 5.7.8)
BAD_BURL_SYNTAX = Reply(501, "5.5.4", "Syntax: BURL url [LAST]")
INVALID_URL = Reply(501, "5.5.4", "Invalid IMAP URL")
URL_NOT_OF_MESSAGE = Reply(554, "5.6.6", "Not the URL of a message on an IMAP server")
URL_UNRESOLVED = Reply(554, "5.6.6", "IMAP URL resolution failed")
URL_EXPIRED = Reply(554, "5.6.6", "IMAP URL has expired")
URL_FORBIDDEN = Reply(554, "5.7.0", "IMAP URL authorization failed")
URL_UNTRUSTED = Reply(554, "5.7.14", "No trust relationship with that IMAP server")
IMAP_UNREACHABLE = Reply(451, "4.4.1", "Cannot reach the IMAP server, try again later")
IMAP_SLOW = Reply(451, "4.4.2", "The IMAP server did not answer in time, try again later")
IMAP_LOST = Reply(451, "4.4.2", "Lost connection to the IMAP server, try again later")
IMAP_REFUSES_US = Reply(451, "4.3.5", "The IMAP server does not accept our login, try again later")
BURL_UNAVAILABLE = Reply(502, "5.5.1", "BURL is not available")

# The relay; causes go to the log
RELAY_UNSET = Reply(451, "4.3.5", "No relay server is configured")
RELAY_UNREACHABLE = Reply(451, "4.4.1", "Cannot reach the relay server, try again later")
RELAY_NAME_UNKNOWN = Reply(451, "4.4.3", "Cannot find the relay server, try again later")
RELAY_BUSY = Reply(451, "4.3.2", "Too many messages at the same time, try again later")
RELAY_LOST = Reply(451, "4.4.2", "Lost connection to the relay server, try again later")
RELAY_SLOW = Reply(451, "4.4.2", "The relay server did not answer in time, try again later")
RELAY_NONSENSE = Reply(451, "4.4.0", "The relay server gave an invalid reply, try again later")
RELAY_REFUSES_US = Reply(451, "4.3.5", "The relay server does not accept our connection, try again later")

# The end of a connection
INACTIVE = Reply(421, "4.4.2", "Disconnected for inactivity")
KICKED = Reply(421, "4.3.2", "Ended by the administrator")
SHUTTING_DOWN = Reply(421, "4.3.2", "Server shutting down")
TOO_MANY_CONNECTIONS = Reply(421, "4.3.2", "Too many connections, try again later")
INTERNAL_ERROR = Reply(421, "4.3.0", "Internal error occurred, refer to the server log")


@lru_cache(maxsize=32)
def closing(reply: Reply, hostname: str) -> Reply:
    """221 or 421 as it is sent, with our name at the beginning (RFC 5321 4.2.2)."""
    return reply.with_text(f"{hostname} {reply.text}")
