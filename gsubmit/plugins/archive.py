"""The plugin `archive`: a further recipient for messages from or to some addresses."""

from __future__ import annotations

from gsubmit.plugins.config import Config
from gsubmit.plugins.mail import Mail
from gsubmit.plugins.plugin import Plugin
from gsubmit.smtp.address import Address, BadAddress, parse_mailbox


class Archive(Plugin):
    """`address` gets what is sent from `senders` or to `recipients`: addresses or domains; without both, all."""

    def __init__(self, config: Config) -> None:
        try:
            self._address = parse_mailbox(config.text("address"))
        except BadAddress as error:
            raise config.error("address", str(error)) from None
        self._senders = frozenset(map(str.lower, config.words("senders", ())))
        self._recipients = frozenset(map(str.lower, config.words("recipients", ())))
        self._is_required = config.boolean("required", False)

    def message(self, mail: Mail) -> None:
        """One more recipient, where it is to be kept."""
        if not (self._senders or self._recipients) or self._is_meant(mail):
            mail.add_recipient(self._address, required=self._is_required)

    def _is_meant(self, mail: Mail) -> bool:
        sender = mail.sender
        if sender is not None and _is_in(sender, self._senders):
            return True
        return any(_is_in(one.forward_path, self._recipients) for one in mail.recipients)


def _is_in(address: Address, names: frozenset[str]) -> bool:
    domain = address.domain.lower()
    return not names.isdisjoint((str(address).lower(), domain, f"@{domain}"))
