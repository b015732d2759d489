"""The plugin `footer`: a text at the end of messages, by the domain of their sender."""

from __future__ import annotations

from html import escape

from gsubmit.plugins.config import Config
from gsubmit.plugins.mail import Mail
from gsubmit.plugins.plugin import Plugin

_ANY = ""
_SEPARATOR = "@"  # text@example.org = ...


class Footer(Plugin):
    """`text` and `html` for all, `text@DOMAIN` and `html@DOMAIN` for senders of that domain; `<FILE` reads a file."""

    def __init__(self, config: Config) -> None:
        self._texts: dict[str, tuple[str, str]] = {}
        for domain in {key.partition(_SEPARATOR)[2].lower() for key in config.keys}:
            end = f"{_SEPARATOR}{domain}" if domain else ""
            text = config.text(f"text{end}", "")
            html = config.text(f"html{end}", "") or escape(text).replace("\n", "<br>\n")
            self._texts[domain] = text, html
        if not any(text or html for text, html in self._texts.values()):
            raise config.error("text", "a footer needs a text")

    def message(self, mail: Mail) -> None:
        """The text of the sender's domain, or else that of all."""
        domain = mail.sender.domain.lower() if mail.sender is not None else _ANY
        text, html = self._texts.get(domain) or self._texts.get(_ANY) or ("", "")
        if (text or html) and not mail.append_text(text, html):
            mail.log("no footer: nothing to put it in, or it is signed or encrypted")
