from gsubmit.plugins import Mail, Plugin, Reply


class Subject(Plugin):
    """Refuses mail with a word in its subject."""

    def message(self, mail: Mail) -> Reply | None:
        if "lottery" in mail.header.get("Subject").lower():
            return Reply(550, "5.7.1", "No lotteries")
        return None
