"""Lines of a log, and what they are made of again once their fields were read."""

from __future__ import annotations

import re

from gsubmit.logs.fields import Field
from gsubmit.logs.jsonlines import said

LINE = re.compile(r"(?:\w{3} \d\d [\d:]{8} )?(\S+(?: \S+)*?): (?:Info|Warning|Error|Fatal): (.*)")
HEADS = {
    "Relayed message": "id from nrcpt to size msgid relay reused rawlog reply",
    "Failed to relay message": "id from nrcpt to size msgid relay reused rawlog by state reply reason",
    "Refused MAIL": "from to by relay reused rawlog reply",
    "Refused RCPT": "from to by relay reused rawlog reply",
}
WHO = "user master method rip lip tls secured session"


def check(log: str) -> None:
    """Each line about logins and messages can be written again from nothing but its fields."""
    for line in log.splitlines():
        matched = LINE.fullmatch(line)
        if matched is None:  # of a traceback
            continue
        prefix, text = matched.groups()
        fields = said(prefix, text)
        assert fields["message"] == text
        if prefix.startswith("submission("):
            assert prefix == f"{fields['program']}({fields['user']})<{fields['session']}>", line
        if prefix == "submission-login":
            who = _items(WHO, {"user": ""} | fields)
            assert text.endswith(f": {who}"), (line, who)
            text = text.removesuffix(f": {who}")
        head = text.partition(":")[0]
        if head in HEADS:
            assert re.sub(r",\(\d+ more\)", "", text) == f"{head}: {_items(HEADS[head], fields)}", (line, fields)
        elif head == "Disconnected" and prefix.startswith("submission("):
            assert not re.search(r"\bin=\d+ out=\d+$", text) or text.endswith(
                f"in={fields['in']} out={fields['out']}"
            ), line
        elif head.startswith("Fetched "):
            assert text.endswith(f": {_items('method size', fields)}"), line


def _items(names: str, fields: dict[str, Field]) -> str:
    return ", ".join(_item(name, fields[name]) for name in names.split() if name in fields)


def _item(name: str, value: Field) -> str:
    if value is True:
        return {"tls": "TLS"}.get(name, name)
    if isinstance(value, list):
        return f"{name}={','.join(f'<{one}>' for one in value)}"
    if name in ("from", "user", "master", "session"):
        return f"{name}=<{value}>"
    return f"{name}=`{value}'" if name in ("reply", "reason") else f"{name}={value}"
