"""What a plugin is: a class with a method for each moment at which it wants to be asked."""

from __future__ import annotations

from gsubmit.plugins.client import Client
from gsubmit.plugins.config import Config
from gsubmit.plugins.mail import Mail
from gsubmit.smtp.envelope import Recipient
from gsubmit.smtp.reply import Refused, Reply

MOMENTS = ("connected", "authenticated", "sender", "recipient", "message", "submitted", "ended")


class Plugin:
    """The base of all plugins. A method that a class does not have of its own is never called.

    One instance serves all sessions of a process. None goes on; a Reply refuses, and so does `raise refuse(...)`.
    """

    def __init__(self, config: Config) -> None:
        """`config` is its block of the configuration. A ValueError is shown with file and line."""

    def connected(self, client: Client) -> Reply | None:
        """A client has connected, and was not greeted yet. Refused with 554, or 421 for now."""

    def authenticated(self, client: Client) -> Reply | None:
        """Its login was right. Refused with 535, or 454 for now."""

    def sender(self, mail: Mail) -> Reply | None:
        """MAIL, before the relay hears of it; `mail.relay` chooses another one."""

    def recipient(self, mail: Mail, recipient: Recipient) -> Reply | None:
        """RCPT, before the relay hears of it."""

    def message(self, mail: Mail) -> Reply | None:
        """The message is complete; header, content and envelope may be changed."""

    def submitted(self, mail: Mail, reply: Reply) -> None:
        """The client has been told what became of its message, good or bad."""

    def ended(self, client: Client) -> None:
        """The session is over."""

    def stopped(self) -> None:
        """No session of the process is left; whatever still waits is done now, within its timeout, or is lost."""


def refuse(code: int | str, status: str, text: str) -> Refused:
    """What to raise to refuse from any depth, such as `raise refuse(550, "5.7.1", "Not today")`."""
    return Refused(Reply(int(code), status, text))


def moments_of(plugin: type[Plugin]) -> tuple[str, ...]:
    """The moments that a class has methods for."""
    return tuple(name for name in MOMENTS if getattr(plugin, name) is not getattr(Plugin, name))
