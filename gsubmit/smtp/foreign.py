"""Lines of other protocols: a web page may make a browser say them to us, or somebody has taken us for another server.

What follows such a line is not meant for us, so nothing of it may be carried out; Postfix's smtpd_forbidden_commands is
the model. Clients that only greet oddly are not meant.
"""

from __future__ import annotations

import re

# A handshake record of TLS (RFC 8446 5.1), for a port that begins in clear text.
TLS_RECORD = b"\x16\x03"

_FOREIGN = re.compile(
    rb"[!-@\[-`{-~\x00-\x08\x0e-\x1f]"  # no command begins so; white space does, from clients that pad
    rb"|[!-9;-~]+:"  # a header field: HTTP, SIP, a message after a DATA that was refused
    rb"|.*[ \t](?:HTTP|SIP|RTSP|ICAP|ICE)/\d(?:\.\d)?[ \t]*$"  # a request of HTTP and its like (RFC 9112 3)
    rb"|(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI|PROXY)(?:[ \t]|$)"  # RFC 9110 9, and of HAProxy
    rb"|SSH-\d"  # RFC 4253 4.2
    rb"|(?:CAPA|STLS|USER|PASS|APOP|LHLO)(?:[ \t]|$)"  # POP3, FTP, LMTP
    rb"|[A-Z]*\d+[ \t]+(?:CAPABILITY|ID|LOGIN|AUTHENTICATE|STARTTLS)(?:[ \t]|$)",  # IMAP behind its tag
    re.IGNORECASE | re.DOTALL,
)


def is_foreign(line: bytes) -> bool:
    """Whether a line that is no command of ours belongs to another protocol."""
    return _FOREIGN.match(line) is not None
