"""What a server offers in its EHLO reply, for programs and in words."""

from __future__ import annotations

from gsubmit.smtp.capabilities import Capabilities

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


def listed(offered: Capabilities) -> dict[str, list[str]]:
    """Each keyword with its parameters, each of them once."""
    return {keyword: list(dict.fromkeys(said.split())) for keyword, said in offered.keywords.items()}


def described(offered: Capabilities) -> list[str]:
    """One line for each capability."""
    lines = []
    for keyword, parameters in sorted(listed(offered).items()):
        words = WORDS.get(keyword, "")
        value = " ".join(parameters)
        if keyword == "SIZE" and value in ("", "0"):  # RFC 1870 3
            words, value = "no limit told", ""
        lines.append(f"{keyword:20}{words}{': ' if words and value else ''}{value}".rstrip())
    return lines
