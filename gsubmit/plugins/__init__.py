"""What a plugin needs, and the only thing that it imports of gsubmit; see gsubmit-plugins(7)."""

from gsubmit.plugins.client import Client
from gsubmit.plugins.config import Config, ConfigError
from gsubmit.plugins.header import Header
from gsubmit.plugins.mail import Mail
from gsubmit.plugins.plugin import Plugin, refuse
from gsubmit.smtp.address import Address
from gsubmit.smtp.envelope import Recipient
from gsubmit.smtp.reply import Reply

__all__ = ["Address", "Client", "Config", "ConfigError", "Header", "Mail", "Plugin", "Recipient", "Reply", "refuse"]
