"""What a server offers in its EHLO reply, for programs and in words."""

from __future__ import annotations

from gsubmit_cli.probe.answer import Answer

Capabilities = dict[str, list[str]]  # keyword -> its parameters

WORDS = {
    "8BITMIME": "8-bit text",
    "AUTH": "login with",
    "BINARYMIME": "content with any octets",
    "BURL": "content fetched from a URL",
    "CHUNKING": "content in counted chunks (BDAT)",
    "DSN": "delivery status notifications",
    "ENHANCEDSTATUSCODES": "detailed status in each reply",
    "PIPELINING": "commands in groups",
    "SIZE": "octets per message, at most",
    "SMTPUTF8": "addresses and headers in UTF-8",
    "STARTTLS": "TLS on request",
    "VRFY": "asking whether an address exists",
    "XCLIENT": "facts about a client, from a trusted proxy",
}


def capabilities(answer: Answer) -> Capabilities:
    """The keywords of an EHLO reply with their parameters; its first line is the server's name."""
    offered: Capabilities = {}
    for line in answer.lines[1:]:
        if line.upper().startswith("AUTH="):  # how servers older than RFC 2554 wrote it
            line = f"AUTH {line[5:]}"  # noqa: PLW2901
        keyword, *parameters = line.split() or [""]
        if keyword:
            known = offered.setdefault(keyword.upper(), [])
            known.extend(word for word in parameters if word not in known)
    return offered


def described(offered: Capabilities) -> list[str]:
    """One line for each capability."""
    lines = []
    for keyword, parameters in sorted(offered.items()):
        words = WORDS.get(keyword, "")
        value = " ".join(parameters)
        if keyword == "SIZE" and value in ("", "0"):  # RFC 1870 3
            words, value = "no limit told", ""
        lines.append(f"{keyword:20}{words}{': ' if words and value else ''}{value}".rstrip())
    return lines
