"""What a user owns, and by which rule (SUB-9)."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gsubmit.sasl.claims import Identity
from gsubmit.senders.addresses import domain_key, folded, key_of, read_address, untagged
from gsubmit.senders.senders import Senders, read_senders
from gsubmit.smtp.address import Address
from tests.unit.senders.checking import senders_of


def rule(senders: Senders, login: str, address: str, listed: str = "") -> str:
    fields = {"senders": listed} if listed else {}
    return senders.rule(Identity(login, fields), read_address(address))


@pytest.mark.parametrize(
    ("login", "listed", "address", "expected"),
    [
        ("joe@a.example", "", "joe@a.example", "login"),
        ("joe@a.example", "", "joe+x@a.example", "login"),
        ("joe@a.example", "sales@a.example", "joe@a.example", "login"),
        ("joe@a.example", "sales@a.example,@b.example", "Sales+x@A.example", "senders=sales@a.example"),
        ("joe@a.example", " sales@a.example , @b.example ", "x@B.example", "senders=@b.example"),
        ("joe@a.example", "*,x@b.example", "x@b.example", "senders=x@b.example"),
        ("joe@a.example", "*", "x@b.example", "senders=*"),
        ("joe", "", "joe@d.example", "submission_domains"),
        ("Joe", "", "jOE@e.example", "submission_domains"),
        ("joe", "", "joe@f.example", ""),
        ("joe@a.example", "", "joe@d.example", ""),
        ("joe@", "", "joe@d.example", ""),
        ("@a.example", "", "joe@a.example", ""),
        ("joe@a.example", "yes", "yes@a.example", ""),
        ("joe@a.example", "@", "x@a.example", ""),
        ("joe@a.example", "a@b@c.example, ,", "a@b.example", ""),
    ],
)
def test_rules(login: str, listed: str, address: str, expected: str) -> None:
    assert rule(senders_of("submission_domains = D.example, e.example\n"), login, address, listed) == expected


def test_a_map_is_one_rule_of_several(tmp_path: Path) -> None:
    path = tmp_path / "map"
    path.write_text(
        "sales@a.example  joe@a.example\n@b.example ann@a.example,\n  JOE@a.example\nx@b.example ann@a.example\n"
    )
    senders = senders_of(f"submission_sender_login_map = {path}\n")
    name = f"submission_sender_login_map {path}"
    asked = ["sales+x@a.example", "y@b.example", "x@b.example", "joe@a.example", "z@c.example", "v@a.example"]
    assert [rule(senders, "joe@a.example", one, "z@c.example") for one in asked] == [
        *(f"{name}:1", f"{name}:2", "", "login", "senders=z@c.example", "")
    ]


@pytest.mark.parametrize(
    ("login", "listed", "expected"),
    [
        ("joe@a.example", "", "joe@a.example"),
        ("joe@a.example", "*,@b.example,x@b.example,y@b.example", "x@b.example"),
        ("joe@a.example", "*", "joe@a.example"),
        ("joe", "@b.example", "None"),
        ("joe", "", "None"),
    ],
)
def test_the_address_that_others_are_rewritten_to(login: str, listed: str, expected: str) -> None:
    assert str(Senders.primary(Identity(login, {"senders": listed}))) == expected


def test_what_is_no_address_in_a_list_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="gsubmit"):
        for _ in range(3):
            assert set(read_senders("joe doe@once.example,a@once.example").written) == {
                key_of(Address("a", "once.example"))
            }
    assert [record.getMessage() for record in caplog.records] == [
        "passdb field senders: neither an address nor a domain: joe doe@once.example"
    ]


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("Example.ORG", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("例子.example", "xn--fsqu00a.example"),
        ("βόλος.example", "xn--nxasmm1c.example".replace("nxasmm1c", "βόλος".encode("punycode").decode())),
        ("[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"),
    ],
)
def test_domains_are_compared_as_a_labels(domain: str, expected: str) -> None:
    assert domain_key(domain) == expected


@pytest.mark.parametrize(
    ("local_part", "delimiters", "expected"),
    [
        *(
            ("joe+x", "+", "joe"),
            ("joe", "+", "joe"),
            ("joe+", "+", "joe"),
            ("+joe", "+", "+joe"),
            ("joe-x", "+", "joe-x"),
        ),
        *(
            ("joe-x+y", "+-", "joe"),
            ("joe+x-y", "-+", "joe"),
            ("joe+x", "", "joe+x"),
            ("+joe+x", "+", "+joe"),
            ("", "+", ""),
        ),
    ],
)
def test_tags(local_part: str, delimiters: str, expected: str) -> None:
    assert untagged(local_part, delimiters) == expected


def test_names_are_compared_without_case() -> None:
    assert folded("JÖ") == folded("jo\u0308") == "jö"
    assert folded("straße") != folded("strasse")  # two mailboxes, of two people perhaps
    assert folded("o\ufb03ce") != folded("office")
