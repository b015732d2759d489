"""Who may submit what a URL leads to, decided before any server is asked."""

from __future__ import annotations

import pytest

from gsubmit.burl.access import Submitter, check
from gsubmit.burl.url import ImapUrl
from gsubmit.smtp.replies import URL_EXPIRED, URL_FORBIDDEN
from gsubmit.smtp.reply import Refused, Reply

PLAIN = "imap://{user}imap.example.org/INBOX/;UID=1"
WITH_TOKEN = "imap://joe@imap.example.org/INBOX/;UID=1{expire};URLAUTH={access}:INTERNAL:" + 32 * "0"
FRED = Submitter("fred", lambda name: name.lower() in ("fred", "fred@example.org"), "s3cret")


def outcome(text: str, *accesses: str) -> Reply | None:
    try:
        check(ImapUrl.parse(text), FRED, accesses or ("submit",))
    except Refused as refused:
        return refused.reply
    return None


@pytest.mark.parametrize(
    ("user", "reply"),
    [
        pytest.param("", None, id="whoever is logged in"),
        pytest.param("fred@", None, id="the user"),
        pytest.param("fred%40example.org@", None, id="TV-BRL-5 another form of the name"),
        pytest.param("joe@", URL_FORBIDDEN, id="another user"),
        pytest.param("fred%00@", None, id="NUL"),
    ],
)
def test_plain_urls(user: str, reply: Reply | None) -> None:
    """BURL-5, URL-10."""
    if "%00" in user:
        with pytest.raises(ValueError, match="control"):
            outcome(PLAIN.format(user=user))
        return
    assert outcome(PLAIN.format(user=user)) == reply


@pytest.mark.parametrize(
    ("access", "accesses", "reply"),
    [
        pytest.param("submit+fred", ("submit",), None, id="BURL-16 the user"),
        pytest.param("SUBMIT+FRED", ("submit",), None, id="TV-URL-11 capital letters"),
        pytest.param("submit+fred%40example.org", ("submit",), None, id="TV-BRL-5"),
        pytest.param("submit+joe", ("submit",), URL_FORBIDDEN, id="TV-BRL-4 the owner, who is another one"),
        pytest.param("submit+fred%2540example.org", ("submit",), URL_FORBIDDEN, id="decoded once only"),
        pytest.param("submit+fred", ("authuser",), URL_FORBIDDEN, id="submit switched off"),
        pytest.param("user+fred", ("submit",), URL_FORBIDDEN, id="BURL-17 off"),
        pytest.param("user+fred", ("submit", "user"), None, id="BURL-17 on"),
        pytest.param("user+joe", ("submit", "user"), URL_FORBIDDEN, id="BURL-17 another user"),
        pytest.param("authuser", ("submit",), URL_FORBIDDEN, id="BURL-18 off"),
        pytest.param("authuser", ("submit", "authuser"), None, id="BURL-18 on"),
        pytest.param("anonymous", ("submit", "authuser"), URL_FORBIDDEN, id="BURL-18 another"),
        pytest.param("anonymous", ("anonymous",), None, id="BURL-18 anonymous"),
    ],
)
def test_urls_with_a_token(access: str, accesses: tuple[str, ...], reply: Reply | None) -> None:
    assert outcome(WITH_TOKEN.format(expire="", access=access), *accesses) == reply


@pytest.mark.parametrize(
    ("expire", "reply"),
    [
        pytest.param("2006-10-28T23:59:59Z", URL_EXPIRED, id="TV-BRL-14"),
        pytest.param("9999-12-31T23:59:59+00:00", None, id="far away"),
    ],
)
def test_expiry(expire: str, reply: Reply | None) -> None:
    """BURL-25; another user's URL tells nobody whether it has expired."""
    assert outcome(WITH_TOKEN.format(expire=f";EXPIRE={expire}", access="submit+fred")) == reply
    assert outcome(WITH_TOKEN.format(expire=f";EXPIRE={expire}", access="submit+joe")) == URL_FORBIDDEN


def test_no_password_is_shown() -> None:
    assert "s3cret" not in repr(FRED)
