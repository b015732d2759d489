"""How to speak to the relay."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from gsubmit.relay.nexthop import NextHop, client_context


@pytest.mark.parametrize(
    ("host", "text"), [("mx.example.org", "mx.example.org:25"), ("192.0.2.1", "192.0.2.1:25"), ("::1", "[::1]:25")]
)
def test_str(host: str, text: str) -> None:
    assert str(NextHop(host, 25, "msa.example.org")) == text


def test_password_is_not_shown() -> None:
    assert "hunter2" not in repr(NextHop("mx", 25, "msa", user="u", password="hunter2"))


def test_verifying() -> None:
    """CRT of the standards list: a certificate for the right name, from the system's authorities."""
    context = client_context(True, "", "")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_not_verifying() -> None:
    context = client_context(False, "", "")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


def test_own_authority_is_the_only_one(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    assert client_context(True, str(tmp_path / "ca.pem"), "").cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize("text", [None, "", "no certificate"], ids=["missing", "empty", "nonsense"])
def test_unusable_authorities(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "ca.pem").write_text(text)
    with pytest.raises(OSError):
        client_context(True, str(tmp_path / "ca.pem"), "")
