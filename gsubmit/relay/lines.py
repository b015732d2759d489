"""The MAIL and RCPT lines for a relay: each parameter goes on, is dropped, or stops the transaction (RLY-4)."""

from __future__ import annotations

from gsubmit.smtp.address import path_text
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.envelope import Recipient, Sender
from gsubmit.smtp.keywords import ADDED_OCTETS
from gsubmit.smtp.params import NO_MAIL_PARAMS, NO_RCPT_PARAMS
from gsubmit.smtp.replies import EXTENSION_GONE
from gsubmit.smtp.reply import Refused

MAX_SIZE = 10**20 - 1  # 20 digits, RFC 1870 3


def mail_line(sender: Sender, relay: Capabilities) -> bytes:
    """MAIL with what the relay lists. Raises Refused when the client was promised something that is gone (RLY-17)."""
    line = f"MAIL FROM:{path_text(sender.reverse_path)}"
    params = sender.params
    if params is not NO_MAIL_PARAMS:
        if params.size is not None and "SIZE" in relay:
            line += f" SIZE={min(params.size + ADDED_OCTETS, MAX_SIZE)}"
        if params.body:
            _needs(params.body != "8BITMIME" or "8BITMIME" in relay)
            _needs(params.body != "BINARYMIME" or relay.takes_binary)
            if params.body != "7BIT" or "8BITMIME" in relay:
                line += f" BODY={params.body}"
        if params.auth is not None and "AUTH" in relay:
            line += " AUTH=<>"  # nobody vouches for what the client says here (RFC 4954 5)
        if params.ret or params.envid is not None:
            _needs("DSN" in relay)
            line += f" RET={params.ret}" if params.ret else ""
            line += f" ENVID={params.envid}" if params.envid is not None else ""
        if params.smtputf8:
            _needs("SMTPUTF8" in relay)
            line += " SMTPUTF8"
    return line.encode("utf-8") + b"\r\n"


def rcpt_line(recipient: Recipient, relay: Capabilities) -> bytes:
    """RCPT with what the relay lists; DSN parameters go on as they came (RFC 3461 5.2.1)."""
    line = f"RCPT TO:<{recipient.forward_path}>"
    params = recipient.params
    if params is not NO_RCPT_PARAMS:
        _needs("DSN" in relay)
        line += f" NOTIFY={params.notify}" if params.notify else ""
        line += f" ORCPT={params.orcpt}" if params.orcpt is not None else ""
    return line.encode("utf-8") + b"\r\n"


def _needs(present: bool) -> None:
    if not present:
        raise Refused(EXTENSION_GONE)
