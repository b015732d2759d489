"""A whole login with a token, from the client to the authorization server and back."""

from __future__ import annotations

import json
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.oauth import ISSUER, USER, authorization_server, jwk, rsa_key, token
from tests.harness.serving import certificate_folder, serving


def login(port: int, mechanism: str, response: str) -> tuple[list[int], dict[str, str]]:
    """The codes of the replies, and what the challenge says."""
    context = ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))
    codes: list[int] = []
    told: dict[str, str] = {}

    def respond(challenge: bytes | None = None) -> str:
        if challenge is None:
            return response
        told.update(json.loads(challenge))
        codes.append(334)
        return "\x01"

    with smtplib.SMTP_SSL("localhost", port, context=context, timeout=10) as client:
        client.ehlo()
        try:
            code, _ = client.auth(mechanism, respond)
        except smtplib.SMTPAuthenticationError as refused:
            code = refused.smtp_code
        return [*codes, code], told


def in_base64(secret: str) -> Iterator[str]:
    """What a response in base64 shows of it, wherever it begins."""
    for before in range(3):
        yield b64encode(b"x" * before + secret.encode()).decode()[8:-8]


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_login(tmp_path: Path, mechanism: str) -> None:
    def response(bearer: str, user: str = USER) -> str:
        if mechanism == "XOAUTH2":
            return f"user={user}\x01auth=Bearer {bearer}\x01\x01"
        return f"n,{f'a={user}' if user else ''},\x01auth=Bearer {bearer}\x01\x01"

    with authorization_server() as server:
        server.publish(jwk(rsa_key(), "k1"))
        text = f"introspection_mode = local\njwks_url = {server.url('/jwks')}\nissuers = {ISSUER}\nscope = mail\n"
        (tmp_path / "oauth2.conf").write_text(text)
        settings = f"""
auth_mechanisms = plain oauthbearer xoauth2
auth_verbose = yes
passdb {{
  driver = oauth2
  args = {tmp_path}/oauth2.conf
}}
"""
        good, narrow, late = (token(rsa_key(), scope="mail"), token(rsa_key()), token(rsa_key(), scope="mail", exp=1))
        with serving(settings) as gsubmit:
            assert login(gsubmit.tls_port, mechanism, response(good)) == ([235], {})
            if mechanism == "OAUTHBEARER":
                assert login(gsubmit.tls_port, mechanism, response(good, "")) == ([235], {})
            codes, told = login(gsubmit.tls_port, mechanism, response(narrow))
            assert (codes, told["scope"]) == ([334, 535], "mail")
            codes, told = login(gsubmit.tls_port, mechanism, response(late))
            assert codes == [334, 535]
            codes, told = login(gsubmit.tls_port, mechanism, response(good, "ann@example.org"))
            assert codes == [334, 535]
            del server.scripts["/jwks"]
        with serving(settings) as gsubmit:
            assert login(gsubmit.tls_port, mechanism, response(good)) == ([454], {})
            log = gsubmit.log_text
    assert "answered 404" in log
    for secret in (good, narrow, late):
        assert secret not in log
        assert secret.rpartition(".")[2] not in log
        assert all(piece not in log for piece in in_base64(secret))
