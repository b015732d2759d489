"""Certificates are judged before a client meets them: in words, with file and line."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gsubmit.app.build import CannotStart, build_service
from gsubmit.app.verdict import judge
from gsubmit.tls.checkup import certificates_in, expiry, is_for
from tests.harness.loading import load_text

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
REST = "submission_relay_host = mx\npassdb {\n driver = static\n args = password=x\n}\n"

Said = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of one CA, by what is wrong with them, and keys."""
    folder, ca = tmp_path_factory.mktemp("certificates"), trustme.CA()
    for name, not_before, not_after in (
        ("good", NOW - DAY, NOW + 90 * DAY),
        ("expired", NOW - 9 * DAY, NOW - DAY),
        ("ending", NOW - 9 * DAY, NOW + 12 * DAY + DAY / 2),
        ("coming", NOW + DAY, NOW + 9 * DAY),
    ):
        issued = ca.issue_cert("mail.example.org", "*.b.example", not_before=not_before, not_after=not_after)
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
    key = load_pem_private_key((folder / "good.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))
    (folder / "locked.key").write_bytes(locked)
    both = (folder / "good.key").read_bytes() + (folder / "good.pem").read_bytes()
    (folder / "both.pem").write_bytes(both)
    (folder / "damaged.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (folder / "damaged.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    (folder / "none.pem").write_text("-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n")
    small = rsa.generate_private_key(65537, 1024)
    (folder / "small.key").write_bytes(small.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder


@pytest.fixture
def said(folder: Path) -> Said:
    """What is said, errors first, of a configuration in which {} is the folder."""

    def said(text: str) -> list[str]:
        name = "" if "hostname" in text else "hostname = mail.example.org\n"
        verdict = judge(load_text(text.format(folder) + REST + name))
        lines = [f"error: {problem}" for problem in verdict.errors]
        lines += [f"{notice.kind}: {notice}" for notice in verdict.notices]
        return [line.replace(f"{folder}/", "") for line in lines]

    return said


def pair(cert: str, key: str) -> str:
    return f"ssl_cert = <{{0}}/{cert}\nssl_key = <{{0}}/{key}\n"


@pytest.mark.parametrize(
    ("cert", "key", "more", "line"),
    [
        ("good.pem", "good.key", "", ""),
        ("both.pem", "both.pem", "", ""),
        ("good.pem", "locked.key", "ssl_key_password = hunter2\n", ""),
        ("good.key", "good.pem", "", "1: ssl_cert: good.key holds a private key; are ssl_cert and ssl_key swapped?"),
        ("none.pem", "good.key", "", "1: ssl_cert: none.pem holds no certificate"),
        ("damaged.pem", "good.key", "", "1: ssl_cert: the certificate in damaged.pem is damaged"),
        ("good.pem", "good.pem", "", "2: ssl_key: good.pem holds a certificate, and no private key"),
        ("good.pem", "none.pem", "", "2: ssl_key: none.pem holds no private key"),
        ("good.pem", "damaged.key", "", "2: ssl_key: the private key in damaged.key is damaged"),
        ("good.pem", "ending.key", "", "2: ssl_key: ending.key is not the key of the certificate in good.pem"),
        ("good.pem", "locked.key", "", "2: ssl_key: locked.key has a password: set ssl_key_password"),
        (
            "good.pem", "locked.key", "ssl_key_password = x\n",
            "2: ssl_key: ssl_key_password is not the password of locked.key",
        ),
        ("expired.pem", "expired.key", "", f"1: ssl_cert: the certificate in expired.pem expired on {NOW - DAY:%Y-%m-%d}"),
        (
            "coming.pem", "coming.key", "",
            f"1: ssl_cert: the certificate in coming.pem is not valid before {NOW + DAY:%Y-%m-%d %H:%M} UTC",
        ),
    ],
)  # fmt: skip
def test_error(said: Said, cert: str, key: str, more: str, line: str) -> None:
    assert said(pair(cert, key) + more) == ([f"error: <text>:{line}"] if line else [])


def test_the_same_words_without_the_check(folder: Path) -> None:
    """Whoever starts a server in a process hears them too."""
    settings = load_text(pair("good.key", "good.pem").format(folder) + REST).settings
    with pytest.raises(CannotStart, match=r"^<text>:1: ssl_cert: .*/good\.key holds a private key; are ssl_cert and"):
        build_service(settings)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            pair("ending.pem", "ending.key"),
            f"1: ssl_cert: the certificate in ending.pem expires on {NOW + 12.5 * DAY:%Y-%m-%d}, in 12 days",
        ),
        (
            pair("good.pem", "good.key") + "hostname = mx.example.org\n",
            "1: ssl_cert: the certificate in good.pem is for mail.example.org, *.b.example, not for hostname mx.example.org",
        ),
        (pair("good.pem", "good.key") + "hostname = Mail.Example.org\n", ""),
        (pair("good.pem", "good.key") + "local_name x.b.example {{\n}}\n", ""),
        (pair("good.pem", "good.key") + "local_name *.b.example {{\n}}\n", ""),
        (
            pair("good.pem", "good.key") + 'local_name "mail.example.org c.example" {{\n}}\n',
            "1: ssl_cert: the certificate in good.pem is for mail.example.org, *.b.example, not for local_name c.example",
        ),
        (
            pair("good.pem", "good.key") + "local 192.0.2.1 {{\n" + pair("expired.pem", "expired.key") + "}}\n",
            f"4: ssl_cert: the certificate in expired.pem expired on {NOW - DAY:%Y-%m-%d}",
        ),
    ],
)
def test_warning(said: Said, text: str, line: str) -> None:
    assert said(text) == ([f"warning: <text>:{line}"] if line else [])


def test_each_place_is_looked_at(said: Said) -> None:
    text = pair("good.pem", "ending.key") + "local_name b.example {{\n" + pair("none.pem", "good.key") + "}}\n"
    assert said(text)[:2] == [
        "error: <text>:2: ssl_key: ending.key is not the key of the certificate in good.pem",
        "error: <text>:4: ssl_cert: none.pem holds no certificate",
    ]


def test_what_the_relay_is_shown_and_trusted_by(said: Said) -> None:
    relay = "ssl = no\nsubmission_relay_ssl = smtps\n"
    (line,) = said(relay + "ssl_client_ca_file = {0}/nothing\n")
    assert line.startswith("error: <text>:3: cannot use the CA certificates in nothing: ")
    (line,) = said(relay + "ssl_client_cert = <{0}/good.pem\nssl_client_key = <{0}/locked.key\n")
    expected = "error: <text>:4: ssl_client_key: locked.key has a password: store it without one (openssl pkey)"
    assert line == expected


def test_a_key_that_is_too_short(folder: Path, said: Said) -> None:
    """Nothing is wrong with it but for OpenSSL."""
    small = folder / "short.pem"
    key = load_pem_private_key((folder / "small.key").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    small.write_bytes(_self_signed(key))
    (line,) = said(pair("short.pem", "small.key"))
    assert line == (
        "error: <text>:1: ssl_cert: short.pem cannot be used: "
        "its key is too short for OpenSSL's security level, see ssl_cipher_list"
    )


def _self_signed(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.org")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - DAY).not_valid_after(NOW + 90 * DAY)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_chain_that_has_ended(folder: Path) -> None:
    chain = certificates_in((folder / "good.pem").read_text() + (folder / "expired.pem").read_text())
    error, warning = expiry(chain, "chain.pem", NOW)
    assert error == ""
    assert "in the chain in chain.pem, expired on " in warning


@pytest.mark.parametrize(
    ("names", "host", "expected"),
    [
        (["a.example"], "A.example.", True),
        (["*.example"], "a.example", True),
        (["*.example"], "a.b.example", False),
        (["*.example"], "example", False),
        (["192.0.2.1"], "192.0.2.1", True),
        ([], "a.example", False),
    ],
)
def test_names(names: list[str], host: str, expected: bool) -> None:
    assert is_for(names, host) is expected
