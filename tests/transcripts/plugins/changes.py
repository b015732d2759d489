"""What the transcripts beside it ask for in the subject."""

from gsubmit.plugins import Config, Mail, Plugin


class Changes(Plugin):
    def __init__(self, config: Config) -> None:
        self.address = config.text("address", "archive@example.org")

    def message(self, mail: Mail) -> None:
        for word in mail.header.get("Subject").split():
            match word:
                case "add":
                    mail.add_recipient(self.address)
                case "require":
                    mail.add_recipient(self.address, required=True)
                case "remove":
                    mail.remove_recipient(mail.recipients[0].forward_path)
                case "sender":
                    mail.replace_sender(self.address)
                case "tag":
                    mail.header.replace("Subject", "[Müller] tagged")
                case "body":
                    mail.replace_body(b"another\r\n")
                case "smuggle":
                    mail.header.append("X-A", "a\r\nBcc: b@example.org")
                case "fail":
                    raise RuntimeError("as asked")
