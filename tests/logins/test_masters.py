"""Master users: one's own password, somebody else's mailbox; by separator and by authorization id."""

from __future__ import annotations

import pytest

from tests.harness.loginclient import Kind, Who
from tests.logins.conftest import PASSWORD, House

GOOD, FAILED = "235 2.7.0 Logged in", "535 5.7.8 Authentication failed"
BY_NAME = ["PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"]
BY_ID = ["PLAIN", "SCRAM-SHA-256"]
STORED = {"boss": {"PLAIN", "LOGIN", "SCRAM-SHA-256"}, "clerk": {*BY_NAME}}  # what their stored passwords can serve
CASES = [
    pytest.param("{user}", "{master}", PASSWORD, GOOD, id="for a user"),
    pytest.param("{user}", "{master}", "wrong", FAILED, id="wrong password"),
    pytest.param("{user}", "{master}", "secret", FAILED, id="the user's own password"),
    pytest.param("nobody", "{master}", PASSWORD, FAILED, id="for an unknown user"),
    pytest.param("{user}", "nobody", PASSWORD, FAILED, id="an unknown master user"),
    pytest.param("{user}", "plain@example.org", PASSWORD, FAILED, id="a user is no master user"),
]


@pytest.mark.parametrize("mechanism", BY_NAME)
@pytest.mark.parametrize("master", STORED)
@pytest.mark.parametrize(("user", "name", "password", "expected"), CASES)
def test_by_separator(
    house: House,
    caplog: pytest.LogCaptureFixture,
    mechanism: str,
    master: str,
    user: str,
    name: str,
    password: str,
    expected: str,
) -> None:
    """`user*master`, for mechanisms without authorization ids too; the log names both."""
    who = f"{user}*{name}".format(user="joe", master=master)
    if mechanism not in STORED[master]:
        expected = FAILED
    assert house.login(Kind(), mechanism, Who(who, password)) == expected
    assert (f"Login: user=<joe>, master=<{master}>, method={mechanism}, " in caplog.text) == (expected == GOOD)


@pytest.mark.parametrize("mechanism", BY_ID)
@pytest.mark.parametrize("master", STORED)
@pytest.mark.parametrize(("user", "name", "password", "expected"), CASES)
def test_by_authorization_id(
    house: House,
    caplog: pytest.LogCaptureFixture,
    mechanism: str,
    master: str,
    user: str,
    name: str,
    password: str,
    expected: str,
) -> None:
    """PLN-2, RFC 4422 2."""
    who = Who(name.format(master=master), password, user.format(user="joe"))
    assert house.login(Kind(), mechanism, who) == expected
    assert (f"Login: user=<joe>, master=<{master}>, method={mechanism}, " in caplog.text) == (expected == GOOD)


@pytest.mark.parametrize("mechanism", BY_ID)
@pytest.mark.parametrize(
    ("name", "authorization_id", "password", "expected"),
    [
        pytest.param("joe", "joe", "secret", GOOD, id="AUT-18: oneself"),
        pytest.param("joe", "plain@example.org", "secret", FAILED, id="PLN-2, TV-AUT-4: not permitted"),
        pytest.param("joe", "boss", "secret", FAILED, id="not as a master user either"),
        pytest.param("joe*clerk", "joe", PASSWORD, GOOD, id="the same user twice"),
        pytest.param("joe*clerk", "plain@example.org", PASSWORD, FAILED, id="two users"),
        pytest.param("clerk", "", PASSWORD, FAILED, id="a master user is no user"),
    ],
)
def test_whose(house: House, mechanism: str, name: str, authorization_id: str, password: str, expected: str) -> None:
    assert house.login(Kind(), mechanism, Who(name, password, authorization_id)) == expected
