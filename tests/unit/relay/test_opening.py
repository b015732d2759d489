"""Opening a connection to the relay, against scripted servers on loopback (RLY-1 to RLY-3, RLY-6)."""

from __future__ import annotations

import binascii
import re
import ssl
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from gsubmit.dial import login
from gsubmit.dial.answer import RelayFailed
from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.loginhabits import LoginHabits
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.opening import open_connection
from gsubmit.dial.xclient import ClientFacts
from gsubmit.net import hosts as hostsfile
from gsubmit.net.addresses import Addresses
from gsubmit.settings.declare import members
from gsubmit.settings.relay import RelayLogin
from gsubmit.smtp.replies import RELAY_NAME_UNKNOWN, RELAY_NONSENSE, RELAY_REFUSES_US, RELAY_SLOW, RELAY_UNREACHABLE
from gsubmit.smtp.reply import Reply
from tests.harness.ports import free_port
from tests.harness.smtpserver import CLOSE, RESET, SILENT, TLS, Answer, Scram, Server, ehlo, served

ALICE = ClientFacts(addr="192.0.2.10", port=40000, helo="alice.example", login="alice")
PASSWORD = "cleAr-reLay-5"


def hop(port: int, host: str = "127.0.0.1", **more: Any) -> NextHop:
    login = RelayLogin(**{name: more.pop(name) for name, _ in members(RelayLogin) if name in more})
    return replace(NextHop(host, port, "msa.example.org", 2.0, 7.0, login=login), **more)


def opened(to: NextHop, client: ClientFacts | None = None) -> RelayConnection:
    return open_connection(to, Addresses(to.host), client)


def refusal(to: NextHop, client: ClientFacts | None = None) -> tuple[Reply, str]:
    """What the client and what the log hear about it."""
    with pytest.raises(RelayFailed) as failed:
        opened(to, client)
    return failed.value.reply, failed.value.why


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hosts file, in which mx.example has three addresses on this machine."""
    path = tmp_path / "hosts"
    path.write_text("".join(f"127.0.0.{number} mx.example\n" for number in (1, 2, 3)))
    monkeypatch.setattr(hostsfile, "PATH", path)
    return path


# Addresses, greeting, EHLO


def test_plain() -> None:
    with served(Server({"greeting": "220 mx.example hello"})) as server:
        connection = opened(hop(server.port))
        assert server.talks[0].lines == ["EHLO msa.example.org"]
        assert connection.greeting == "mx.example hello"
        assert "CHUNKING" in connection.capabilities
        assert connection.timeout_now == 7.0
        assert str(connection) == f"127.0.0.1:{server.port}"
        connection.say_goodbye()
    assert server.talks[0].verbs() == "EHLO QUIT"


def test_ipv6() -> None:
    with served(Server(), "::1") as server:
        connection = opened(hop(server.port, "::1"))
        assert str(connection) == f"[::1]:{server.port}"
        connection.close()


def test_unix_socket(tmp_path: Path) -> None:
    with served(Server({"EHLO": ehlo("AUTH PLAIN")}), f"{tmp_path}/mx"):
        connection = opened(hop(25, f"unix:{tmp_path}/mx", user="me", password=PASSWORD))
        assert str(connection) == f"unix:{tmp_path}/mx"
        connection.close()


def test_no_unix_socket(tmp_path: Path) -> None:
    reply, why = refusal(hop(25, f"unix:{tmp_path}/mx"))
    assert reply == RELAY_UNREACHABLE
    assert why == f"cannot connect to unix:{tmp_path}/mx: No such file or directory"


def test_unknown_name(hosts: Path) -> None:
    reply, why = refusal(hop(25, "no..name"))
    assert reply == RELAY_NAME_UNKNOWN
    assert why.startswith("no..name: ")


def test_nobody_listens() -> None:
    port = free_port()
    assert refusal(hop(port)) == (RELAY_UNREACHABLE, f"cannot connect to 127.0.0.1:{port}: Connection refused")


@pytest.mark.parametrize(
    ("answers", "reply", "why"),
    [
        pytest.param({"greeting": "421 4.3.2 Busy"}, RELAY_REFUSES_US, "greeted with: 421 4.3.2 Busy", id="421"),
        pytest.param({"greeting": "554 5.7.1 No"}, RELAY_REFUSES_US, "greeted with: 554 5.7.1 No", id="RLY-6 554"),
        pytest.param({"greeting": "250 What"}, RELAY_REFUSES_US, "greeted with: 250 What", id="250"),
        pytest.param({"greeting": "hello"}, RELAY_NONSENSE, "invalid reply", id="RLY-7 no SMTP"),
        pytest.param({"greeting": CLOSE}, Reply(451, "4.4.2"), "lost connection", id="closes at once"),
        pytest.param({"greeting": SILENT}, RELAY_SLOW, "no answer", id="silent"),
        pytest.param(
            {"EHLO": "550 5.7.1 No", "HELO": "550 5.7.1 No"},
            RELAY_REFUSES_US,
            "answered EHLO with: 550 5.7.1 No",
            id="EHLO refused",
        ),
        pytest.param({"EHLO": "421 4.3.2 Bye"}, RELAY_REFUSES_US, "answered EHLO with: 421", id="421 to EHLO"),
        pytest.param({"EHLO": SILENT}, RELAY_SLOW, "no answer", id="silent at EHLO"),
        pytest.param({"EHLO": "500 What", "HELO": "550 No"}, RELAY_REFUSES_US, "HELO with: 550", id="HELO refused"),
    ],
)
def test_strange_relays(answers: dict[str, Answer], reply: Reply, why: str) -> None:
    with served(Server(answers)) as server:
        said, logged = refusal(hop(server.port, connect_timeout=0.6))
    assert (said.code, said.status) == (reply.code, reply.status)
    assert why in logged and f"127.0.0.1:{server.port}" in logged


@pytest.mark.parametrize("code", ["500 5.5.1", "502 5.5.1", "501 5.5.4", "504 5.5.4", "550 5.7.1", "554 5.7.1"])
def test_helo(code: str) -> None:
    """RLY-1: to a server that knows nothing else."""
    with served(Server({"EHLO": f"{code} What"})) as server:
        connection = opened(hop(server.port))
        assert connection.capabilities.keywords == {}
        assert server.talks[0].verbs() == "EHLO HELO"
        connection.close()


@pytest.mark.parametrize(
    "bad", ["refuses", "421 4.3.2 Busy", "450 4.7.1 Later", "554 5.7.1 No", SILENT, CLOSE, RESET, "hello"]
)
def test_the_next_address_is_tried(hosts: Path, bad: str) -> None:
    with served(Server(), "127.0.0.2") as good:
        worse = Server({"greeting": bad})
        worse.port = good.port
        with served(worse, *(["127.0.0.1"] if bad != "refuses" else ["127.0.0.4"])):
            addresses = Addresses("mx.example")
            to = hop(good.port, "mx.example", connect_timeout=1.8)
            for _ in range(2):
                connection = open_connection(to, addresses, None)
                assert str(connection) == f"mx.example:{good.port} (127.0.0.2)"
                connection.close()
            assert len(worse.talks) == (bad != "refuses")  # left alone the second time
            assert addresses.in_order()[-1] == "127.0.0.1"


def test_every_address_fails(hosts: Path) -> None:
    with served(Server({"greeting": "421 4.3.2 Busy"}), "127.0.0.2") as server:
        reply, why = refusal(hop(server.port, "mx.example"))
    assert reply == RELAY_UNREACHABLE
    assert [place for place in ("127.0.0.1", "127.0.0.2", "127.0.0.3") if place not in why] == []
    assert why.count("; ") == 2 and "421 4.3.2 Busy" in why


def test_all_addresses_share_the_connect_timeout(hosts: Path) -> None:
    with served(Server({"greeting": SILENT}), "127.0.0.1", "127.0.0.2", "127.0.0.3") as server:
        began = time.monotonic()
        reply, _ = refusal(hop(server.port, "mx.example", connect_timeout=1.8))
        took = time.monotonic() - began
        assert reply == RELAY_SLOW
        assert len(server.talks) == 3
    assert 1.6 < took < 4.8  # not three times the timeout


def test_what_comes_after_the_greeting_is_the_machine_s_own(hosts: Path) -> None:
    """An address that greets works; what it then refuses, it would refuse anywhere."""
    with served(Server({"EHLO": "550 No", "HELO": "550 No"}), "127.0.0.1", "127.0.0.2") as server:
        assert refusal(hop(server.port, "mx.example"))[0] == RELAY_REFUSES_US
        assert len(server.talks) == 1


# TLS


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def contexts(ca: trustme.CA) -> Callable[[str], ssl.SSLContext]:
    def context(name: str) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(name).configure_cert(made)
        return made

    return context


@pytest.fixture
def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def test_starttls(contexts: Callable[[str], ssl.SSLContext], trusting: ssl.SSLContext) -> None:
    """RLY-2: EHLO again, and what was said in clear text is forgotten."""
    ehlos = iter([ehlo("STARTTLS", "X-FALSE"), ehlo("CHUNKING")])
    with served(Server({"EHLO": lambda _: next(ehlos)}, context=contexts("127.0.0.1"))) as server:
        connection = opened(hop(server.port, tls="starttls", context=trusting))
        assert connection.tls_version == "TLSv1.3"
        assert list(connection.capabilities.keywords) == ["CHUNKING"]
        assert server.talks[0].verbs() == "EHLO STARTTLS EHLO"
        connection.close()


@pytest.mark.parametrize(
    ("host", "heard"), [("mx.example", "mx.example"), ("127.0.0.1", None)], ids=["name", "address"]
)
def test_the_relay_hears_its_name(
    contexts: Callable[[str], ssl.SSLContext], trusting: ssl.SSLContext, hosts: Path, host: str, heard: str | None
) -> None:
    """CRT-2, CRT-6: the one that is configured, whatever its address; of an address nothing."""
    context = contexts(host)
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)
    with served(Server(context=context, is_tls_first=True)) as server:
        opened(hop(server.port, host, tls="smtps", context=trusting)).close()
    assert names == [heard]


def test_smtps(contexts: Callable[[str], ssl.SSLContext], trusting: ssl.SSLContext) -> None:
    with served(Server(context=contexts("127.0.0.1"), is_tls_first=True)) as server:
        connection = opened(hop(server.port, tls="smtps", context=trusting))
        assert connection.tls_version == "TLSv1.3"
        assert server.talks[0].verbs() == "EHLO"
        connection.close()


@pytest.mark.parametrize(
    ("answers", "reply", "why"),
    [
        pytest.param({"EHLO": ehlo("CHUNKING")}, RELAY_UNREACHABLE, "does not offer STARTTLS", id="RLY-3 missing"),
        pytest.param({"EHLO": "500 What"}, RELAY_UNREACHABLE, "does not offer STARTTLS", id="RLY-3 HELO only"),
        pytest.param({"STARTTLS": "454 4.7.0 No"}, RELAY_UNREACHABLE, "STARTTLS with: 454 4.7.0 No", id="RLY-3 454"),
        pytest.param({"STARTTLS": "250 Yes"}, RELAY_UNREACHABLE, "STARTTLS with: 250", id="RLY-3 not 220"),
        pytest.param(
            {"STARTTLS": f"{TLS}\r\n250 2.0.0 Injected"}, RELAY_NONSENSE, "clear text after STARTTLS", id="RLY-3 glued"
        ),
        pytest.param({"STARTTLS": SILENT}, RELAY_SLOW, "no answer", id="silent"),
        pytest.param({"STARTTLS": CLOSE}, Reply(451, "4.4.2"), "lost connection", id="closes"),
    ],
)
def test_starttls_fails(answers: dict[str, Answer], reply: Reply, why: str, trusting: ssl.SSLContext) -> None:
    """Never a fall back to clear text."""
    with served(Server({"EHLO": ehlo("STARTTLS")} | answers)) as server:
        to = hop(server.port, tls="starttls", context=trusting, connect_timeout=0.6, user="me", password=PASSWORD)
        said, logged = refusal(to)
        assert set(server.talks[0].verbs().split()) <= {"EHLO", "HELO", "STARTTLS"}
    assert (said.code, said.status) == (reply.code, reply.status)
    assert why in logged


@pytest.mark.parametrize("tls", ["starttls", "smtps"])
@pytest.mark.parametrize(
    ("name", "trusts", "why"),
    [
        pytest.param("127.0.0.1", False, "certificate verify failed: unable to get local issuer", id="another CA"),
        pytest.param("127.0.0.9", True, "IP address mismatch", id="another address"),
        pytest.param("mx.example", True, "IP address mismatch", id="a name"),
    ],
)
def test_untrusted(
    contexts: Callable[[str], ssl.SSLContext], trusting: ssl.SSLContext, tls: str, name: str, trusts: bool, why: str
) -> None:
    """The log says why."""
    server = Server({"EHLO": ehlo("STARTTLS", "AUTH PLAIN")}, context=contexts(name), is_tls_first=tls == "smtps")
    context = trusting if trusts else ssl.create_default_context()
    with served(server):
        reply, logged = refusal(hop(server.port, tls=tls, context=context, user="me", password=PASSWORD))
        assert "AUTH" not in server.talks[0].verbs()
    assert reply == RELAY_UNREACHABLE
    assert f"TLS with 127.0.0.1:{server.port} failed: " in logged and why in logged


def test_the_name_is_verified_not_the_address(
    hosts: Path, contexts: Callable[[str], ssl.SSLContext], trusting: ssl.SSLContext
) -> None:
    with served(Server(context=contexts("mx.example"), is_tls_first=True)) as server:
        opened(hop(server.port, "mx.example", tls="smtps", context=trusting)).close()


def test_no_tls_at_all(trusting: ssl.SSLContext) -> None:
    """Clear text where TLS should begin."""
    with served(Server()) as server:
        reply, why = refusal(hop(server.port, tls="smtps", context=trusting, connect_timeout=1.0))
    assert reply == RELAY_UNREACHABLE
    assert why.startswith(f"TLS with 127.0.0.1:{server.port} failed: ")


def test_client_certificate(
    ca: trustme.CA, contexts: Callable[[str], ssl.SSLContext], trusting: ssl.SSLContext
) -> None:
    asking = contexts("127.0.0.1")
    asking.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(asking)
    ca.issue_cert("msa.example.org").configure_cert(trusting)
    with served(Server({"EHLO": ehlo("STARTTLS")}, context=asking)) as server:
        opened(hop(server.port, tls="starttls", context=trusting)).close()
    (shown,) = server.peer_certificates
    assert "msa.example.org" in str(shown)


def test_the_connection_is_closed_after_a_failure(trusting: ssl.SSLContext) -> None:
    with served(Server({"EHLO": ehlo("CHUNKING")})) as server:
        refusal(hop(server.port, tls="starttls", context=trusting))
        time.sleep(0.05)
        assert server.open_now == 0


# Login


def login_hop(port: int, **more: object) -> NextHop:
    return hop(port, "127.0.0.1", user="me", password=PASSWORD, **more)


def scripted(scram: Scram | None, *mechanisms: str, **answers: Answer) -> Server:
    """A relay that offers these mechanisms; SCRAM where there is one."""
    auth: dict[str, Answer] = {"AUTH": scram, "default": scram} if scram else {}
    return Server({"EHLO": ehlo("AUTH " + " ".join(mechanisms))} | auth | answers)


@pytest.mark.parametrize(
    ("name", "algorithm", "others"),
    [
        pytest.param("SCRAM-SHA-256", "sha256", ["LOGIN", "PLAIN", "SCRAM-SHA-1"], id="SCRAM-SHA-256 before all"),
        pytest.param("SCRAM-SHA-1", "sha1", ["PLAIN", "LOGIN", "SCRAM-SHA-512"], id="SCRAM-SHA-1 before PLAIN"),
    ],
)
def test_scram(name: str, algorithm: str, others: list[str]) -> None:
    scram = Scram(algorithm, PASSWORD)
    with served(scripted(scram, *others, name)) as server:
        opened(login_hop(server.port)).close()
        assert scram.is_proven and scram.user == "me"
        lines = server.talks[0].lines
        assert lines[1].startswith(f"AUTH {name} ") and len(lines) == 4
        assert PASSWORD not in b64decode(lines[2]).decode()


def test_scram_master_user() -> None:
    scram = Scram("sha256", PASSWORD)
    with served(scripted(scram, "SCRAM-SHA-256")) as server:
        opened(login_hop(server.port, master_user="boss")).close()
    assert (scram.user, scram.gs2) == ("boss", "n,a=me,")


@pytest.mark.parametrize(
    ("scram", "why"),
    [
        pytest.param(Scram("sha256", "another"), "refused our login with SCRAM-SHA-256: 535 5.7.8 No", id="password"),
        pytest.param(Scram("sha256", PASSWORD, lies=True), "signature is wrong", id="a relay that lies"),
        pytest.param(Scram("sha256", PASSWORD, 1), "the server wants 1 iterations", id="too few iterations"),
    ],
)
def test_scram_fails(scram: Scram, why: str) -> None:
    with served(scripted(scram, "SCRAM-SHA-256", **{"*": "501 5.7.0 Cancelled"})) as server:
        reply, logged = refusal(login_hop(server.port))
    assert reply == RELAY_REFUSES_US
    assert why in logged and PASSWORD not in logged


def test_scram_accepted_too_early() -> None:
    """A relay that does not prove that it knows the password may be another."""
    with served(scripted(None, "SCRAM-SHA-256")) as server:
        reply, why = refusal(login_hop(server.port))
    assert reply == RELAY_REFUSES_US
    assert "before it was complete" in why


@pytest.mark.parametrize(
    ("mechanisms", "answers", "lines"),
    [
        pytest.param(["PLAIN", "LOGIN"], {}, ["AUTH PLAIN {plain}"], id="PLAIN"),
        pytest.param(
            ["LOGIN", "CRAM-MD5"], {"AUTH LOGIN": "334 VXNlcjo="}, ["AUTH LOGIN", "{user}", "{password}"], id="LGN"
        ),
    ],
)
def test_clear_text_mechanisms(mechanisms: list[str], answers: dict[str, Answer], lines: list[str]) -> None:
    encoded = {
        "plain": b64encode(f"\0me\0{PASSWORD}".encode()).decode(),
        "user": b64encode(b"me").decode(),
        "password": b64encode(PASSWORD.encode()).decode(),
    }
    answers |= {encoded["user"]: "334 UGFzc3dvcmQ6", encoded["password"]: "235 2.7.0 Welcome"}
    with served(scripted(None, *mechanisms, **answers)) as server:
        opened(login_hop(server.port)).close()
        assert server.talks[0].lines == ["EHLO msa.example.org", *(line.format(**encoded) for line in lines)]


def test_plain_master_user() -> None:
    with served(scripted(None, "PLAIN")) as server:
        opened(login_hop(server.port, master_user="boss")).close()
        assert b64decode(server.talks[0].lines[1].split()[2]) == f"me\0boss\0{PASSWORD}".encode()


def test_long_initial_response_goes_alone() -> None:
    """RFC 4954 4."""
    with served(scripted(None, "PLAIN", **{"AUTH PLAIN": "334 ", "default": "235 2.7.0 Welcome"})) as server:
        opened(hop(server.port, user="me", password="x" * 400)).close()
        assert server.talks[0].lines[1] == "AUTH PLAIN"
        assert len(server.talks[0].lines[2]) > 510


@pytest.mark.parametrize(
    ("mechanisms", "answers", "why"),
    [
        pytest.param(["PLAIN"], {"AUTH": "535 5.7.8 No"}, "refused our login with PLAIN: 535 5.7.8 No", id="535"),
        pytest.param(["PLAIN"], {"AUTH": "454 4.7.0 Later"}, "with PLAIN: 454 4.7.0 Later", id="454"),
        pytest.param(["PLAIN"], {"AUTH": "250 Yes"}, "with PLAIN: 250 Yes", id="250 is no 235"),
        pytest.param(["PLAIN"], {"AUTH": "421 4.3.2 Bye"}, "with PLAIN: 421", id="421"),
        pytest.param(["GSSAPI", "CRAM-MD5"], {}, "offers no mechanism to log in with", id="nothing in common"),
        pytest.param([], {}, "offers no mechanism to log in with", id="none"),
        pytest.param(
            ["PLAIN"], {"AUTH": "334 ", "default": "334 ", "*": "501 Cancelled"}, "asks for more", id="asks for more"
        ),
        pytest.param(["SCRAM-SHA-256"], {"AUTH": "334 ?", "*": "501 Cancelled"}, "malformed challenge", id="no base64"),
    ],
)
def test_login_fails(mechanisms: list[str], answers: dict[str, Answer], why: str) -> None:
    """RLY-6: the client hears nothing of it."""
    with served(scripted(None, *mechanisms, **answers)) as server:
        reply, logged = refusal(login_hop(server.port))
        assert "*" not in answers or server.talks[0].lines[-1] == "*"
        time.sleep(0.05)
        assert server.open_now == 0
    assert reply == RELAY_REFUSES_US
    assert why in logged and PASSWORD not in logged


def lines_of(mechanisms: list[str], answers: dict[str, Answer], **more: object) -> tuple[list[str], list[str], str]:
    """What two connections to one relay heard after EHLO, with its responses named, and why the second failed."""
    names = {
        b64encode(f"\0me\0{PASSWORD}".encode()).decode(): "BOTH",
        b64encode(b"me").decode(): "NAME",
        b64encode(PASSWORD.encode()).decode(): "WORD",
    }
    told_names = {name: told for told, name in names.items()}
    others = {told_names.get(key, key): answers[key] for key in answers if not key.startswith("AUTH ")}

    def auth(line: str) -> str:
        answer = answers[" ".join(line.split()[:2])]
        return answer if isinstance(answer, str) else answer(line)

    why = ""
    with served(scripted(None, *mechanisms, AUTH=auth, **others)) as server:
        to = login_hop(server.port, **more)
        for _ in range(2):
            try:
                opened(to).close()
                why = ""
            except RelayFailed as failed:
                why = failed.why
        heard = []
        for talk in server.talks:
            lines = talk.lines[1:]
            for told, name in names.items():
                lines = [re.sub(rf"(^| ){re.escape(told)}$", rf"\1{name}", line) for line in lines]
            heard.append([re.sub(r"(SCRAM-\S+) .*", r"\1 ...", line) for line in lines])
    assert PASSWORD not in why
    return heard[0], heard[1], why


YES = "235 2.7.0 Welcome"


@pytest.mark.parametrize("first", ["334 Username:", "334", "334 ", "334 VXNlcm5hbWU", "334 VXNlcm5hbWU6 ", "334 ?\xff"])
@pytest.mark.parametrize(
    "second", ["334 Password:", "334", "334 UGFzc3dvcmQ", "334 UGFzc3dvcmQ6 ", "334 Passwort für me"]
)
def test_prompts_mean_nothing(first: str, second: str) -> None:
    """LGN-2, draft-murchison-sasl-login: "The contents of both challenges SHOULD be ignored"."""
    lines, _, why = lines_of(["LOGIN"], {"AUTH LOGIN": first, "NAME": second, "WORD": YES})
    assert (lines, why) == (["AUTH LOGIN", "NAME", "WORD"], "")


@pytest.mark.parametrize(
    ("mechanisms", "answers", "first", "second", "why"),
    [
        pytest.param(
            ["PLAIN"], {"AUTH PLAIN": "334 go on", "BOTH": YES}, ["AUTH PLAIN BOTH", "BOTH"], None, "",
            id="334 after the initial response",
        ),
        pytest.param(
            ["PLAIN"], {"AUTH PLAIN": "334 ", "BOTH": "334 ", "*": "501 x"}, ["AUTH PLAIN BOTH", "BOTH", "*"], None,
            "asks for more", id="334 without end",
        ),
        pytest.param(
            ["LOGIN"], {"AUTH LOGIN": "334 ", "NAME": "334 ", "WORD": "334 ", "*": "501 x"},
            ["AUTH LOGIN", "NAME", "WORD", "*"], None, "asks for more", id="a third prompt",
        ),
        pytest.param(
            ["PLAIN", "LOGIN"], {"AUTH PLAIN": "504 5.5.4 What?", "AUTH LOGIN": "334 ", "NAME": "334 ", "WORD": YES},
            ["AUTH PLAIN BOTH", "AUTH LOGIN", "NAME", "WORD"], ["AUTH LOGIN", "NAME", "WORD"], "", id="504 to PLAIN",
        ),
        pytest.param(
            ["PLAIN", "LOGIN"], {"AUTH PLAIN": "500 What?", "AUTH LOGIN": "334 ", "NAME": "334 ", "WORD": YES},
            ["AUTH PLAIN BOTH", "AUTH PLAIN", "AUTH LOGIN", "NAME", "WORD"], ["AUTH LOGIN", "NAME", "WORD"], "",
            id="500 to PLAIN in any form",
        ),
        pytest.param(
            ["PLAIN", "LOGIN"], {"AUTH PLAIN": "535 5.7.8 No"}, ["AUTH PLAIN BOTH"], None, "with PLAIN: 535",
            id="535 is final",
        ),
        pytest.param(
            ["PLAIN", "LOGIN"], {"AUTH PLAIN": "454 4.7.0 No"}, ["AUTH PLAIN BOTH"], None, "with PLAIN: 454",
            id="454 is final",
        ),
        pytest.param(
            ["PLAIN", "LOGIN"], {"AUTH PLAIN": "534 5.7.9 No"}, ["AUTH PLAIN BOTH"], None, "with PLAIN: 534",
            id="534 leads to nothing better",
        ),
        pytest.param(
            ["PLAIN", "LOGIN"], {"AUTH PLAIN": "504 x", "AUTH LOGIN": "504 y"}, ["AUTH PLAIN BOTH", "AUTH LOGIN"], None,
            "with LOGIN: 504 y", id="all refused: tried again by the next connection",
        ),
        pytest.param(
            ["SCRAM-SHA-256", "PLAIN", "LOGIN"], {"AUTH SCRAM-SHA-256": "504 x"}, ["AUTH SCRAM-SHA-256 ..."], None,
            "weaker mechanism is not tried without TLS", id="no password in the clear in place of SCRAM",
        ),
        pytest.param(
            ["SCRAM-SHA-256", "SCRAM-SHA-1"], {"AUTH SCRAM-SHA-256": "504 x", "AUTH SCRAM-SHA-1": "535 y"},
            ["AUTH SCRAM-SHA-256 ...", "AUTH SCRAM-SHA-1 ..."], ["AUTH SCRAM-SHA-1 ..."], "with SCRAM-SHA-1: 535",
            id="SCRAM in place of SCRAM",
        ),
        pytest.param(
            ["SCRAM-SHA-256"], {"AUTH SCRAM-SHA-256": "334 ", "default": "535 y"},
            ["AUTH SCRAM-SHA-256 ...", "?"], None, "with SCRAM-SHA-256: 535", id="an empty challenge to SCRAM",
        ),
    ],
)  # fmt: skip
def test_what_is_tried(
    mechanisms: list[str], answers: dict[str, Answer], first: list[str], second: list[str] | None, why: str
) -> None:
    """RFC 4954 4: what the relay refuses as such is not the login; 535 is. It is remembered for the relay."""
    heard, heard_next, failed = lines_of(mechanisms, answers)
    if first[-1] == "?":
        heard[-1] = heard_next[-1] = "?"
    assert (heard, heard_next) == (first, first if second is None else second)
    assert why in failed and bool(why) is bool(failed)


def without_initial(line: str) -> str:
    return "334 " if line == "AUTH PLAIN" else "501 5.5.4 Syntax: AUTH mechanism"


def test_without_initial_response() -> None:
    heard, heard_next, why = lines_of(["PLAIN", "LOGIN"], {"AUTH PLAIN": without_initial, "BOTH": YES})
    assert (heard, heard_next, why) == (["AUTH PLAIN BOTH", "AUTH PLAIN", "BOTH"], ["AUTH PLAIN", "BOTH"], "")


def test_with_tls_a_clear_text_mechanism_may_follow(
    contexts: Callable[[str], ssl.SSLContext], trusting: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    answers: dict[str, Answer] = {"EHLO": ehlo("AUTH SCRAM-SHA-256 PLAIN"), "AUTH": refuse_scram}
    with served(Server(answers, context=contexts("127.0.0.1"), is_tls_first=True)) as server:
        to = login_hop(server.port, tls="smtps", context=trusting)
        for _ in range(2):
            opened(to).close()
        assert [talk.verbs() for talk in server.talks] == ["EHLO AUTH AUTH", "EHLO AUTH"]
    (logged,) = caplog.messages
    assert "does not take AUTH SCRAM-SHA-256: 504 5.5.4 What?; next is PLAIN" in logged


def refuse_scram(line: str) -> str:
    return YES if "PLAIN" in line else "504 5.5.4 What?"


def test_habits_are_forgotten_when_the_relay_lists_others() -> None:
    habits = LoginHabits()
    habits.look_at(["PLAIN", "LOGIN"])
    habits.refused.add("PLAIN")
    habits.look_at(["PLAIN", "LOGIN"])
    assert habits.refused == {"PLAIN"}
    habits.look_at(["PLAIN"])
    assert not habits.refused


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        pytest.param({"greeting": "554 5.7.1 Not you"}, "554 5.7.1 Not you", id="greeting"),
        pytest.param({"EHLO": "550 5.7.0 No", "HELO": "451 4.3.0 Later"}, "451 4.3.0 Later", id="HELO"),
        pytest.param({"EHLO": ehlo("XCLIENT ADDR"), "XCLIENT": "550 5.7.0 No"}, "550 5.7.0 No", id="XCLIENT"),
        pytest.param({"AUTH": "535 5.7.8 Try another"}, "535 5.7.8 Try another", id="AUTH"),
        pytest.param({"EHLO": ehlo("SIZE")}, None, id="nothing was said"),
        pytest.param({"greeting": CLOSE}, None, id="closed"),
    ],
)
def test_a_failure_has_the_reply_as_it_was_said(answers: dict[str, Answer], said: str | None) -> None:
    with served(Server({"EHLO": ehlo("AUTH PLAIN")} | answers)) as server, pytest.raises(RelayFailed) as failed:
        opened(login_hop(server.port, trusted=True), ALICE)
    assert said == (str(failed.value.said) if failed.value.said else None)


def test_a_relay_that_repeats_the_password() -> None:
    def repeat(line: str) -> str:
        response = line.split()[2]
        return f"535 5.7.8 {response} {b64decode(response).split(bytes(1))[2].decode()}"

    with served(scripted(None, "PLAIN", AUTH=repeat)) as server:
        why = refusal(login_hop(server.port))[1]
    assert "535 5.7.8 <secret> <secret>" in why
    assert PASSWORD not in why and binascii.b2a_base64(PASSWORD.encode())[:8].decode() not in why


@pytest.mark.parametrize(
    ("more", "is_allowed"),
    [
        pytest.param({}, False, id="another machine"),
        pytest.param({"auth_cleartext": True}, True, id="submission_relay_auth_cleartext"),
        pytest.param({"trusted": True}, True, id="submission_relay_trusted"),
    ],
)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_clear_text_to_another_machine(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, object], is_allowed: bool, mechanism: str
) -> None:
    """There is no other machine here: this one is called another."""
    monkeypatch.setattr(login, "_is_here", lambda _: False)
    user, password = (b64encode(text.encode()).decode() for text in ("me", PASSWORD))
    answers = {"AUTH LOGIN": "334 x", user: "334 UGFzc3dvcmQ6", password: "235 2.7.0 Welcome"}
    with served(scripted(None, mechanism, **answers)) as server:
        if is_allowed:
            opened(login_hop(server.port, **more)).close()
        else:
            reply, why = refusal(login_hop(server.port, **more))
            assert reply == RELAY_REFUSES_US and "submission_relay_auth_cleartext" in why
        assert ("AUTH" in server.talks[0].verbs()) is is_allowed


def test_clear_text_within_tls_to_another_machine(
    monkeypatch: pytest.MonkeyPatch, contexts: Callable[[str], ssl.SSLContext], trusting: ssl.SSLContext
) -> None:
    monkeypatch.setattr(login, "_is_here", lambda _: False)
    server = Server({"EHLO": ehlo("AUTH PLAIN")}, context=contexts("127.0.0.1"), is_tls_first=True)
    with served(server):
        opened(login_hop(server.port, tls="smtps", context=trusting)).close()


@pytest.mark.parametrize(
    ("host", "address", "is_here"),
    [
        ("mx.example", "127.0.0.1", True),
        ("mx.example", "127.8.9.1", True),
        ("::1", "::1", True),
        ("unix:/run/mx", "/run/mx", True),
        ("localhost", "192.0.2.1", False),  # what DNS says, not the name
        ("mx.example", "10.0.0.1", False),
        ("fe80::1%lo", "fe80::1%lo", False),
    ],
)
def test_here(host: str, address: str, is_here: bool) -> None:
    assert login._is_here(RelayConnection(hop(25, host), address)) is is_here


# Identity

XCLIENT = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN"


def test_xclient() -> None:
    """RLY-2: EHLO, XCLIENT, EHLO with the client's name, AUTH."""
    with served(Server({"EHLO": ehlo(XCLIENT, "AUTH PLAIN")})) as server:
        connection = opened(login_hop(server.port, trusted=True), ALICE)
        assert connection.client == ALICE
        lines = server.talks[0].lines
        assert server.talks[0].verbs() == "EHLO XCLIENT EHLO AUTH"
        assert lines[2] == "EHLO alice.example"
        assert "LOGIN=alice" in lines[1] and lines[1].endswith("ADDR=192.0.2.10")
        connection.close()


@pytest.mark.parametrize(
    ("trusted", "client", "keyword"),
    [
        pytest.param(False, ALICE, XCLIENT, id="not trusted"),
        pytest.param(True, None, XCLIENT, id="for nobody"),
        pytest.param(True, ALICE, "CHUNKING", id="not offered"),
    ],
)
def test_no_xclient(trusted: bool, client: ClientFacts | None, keyword: str) -> None:
    with served(Server({"EHLO": ehlo(keyword)})) as server:
        connection = opened(hop(server.port, trusted=trusted), client)
        assert connection.client is None
        assert server.talks[0].verbs() == "EHLO"
        connection.close()


@pytest.mark.parametrize("answer", ["550 5.7.0 No", "501 5.5.4 Bad", "250 Yes", "421 4.3.2 Bye"])
def test_xclient_refused(answer: str) -> None:
    """XCL-6, RLY-6: mail of an unknown client would be mail of ours."""
    with served(Server({"EHLO": ehlo(XCLIENT), "XCLIENT": answer})) as server:
        reply, why = refusal(hop(server.port, trusted=True), ALICE)
    assert reply == RELAY_REFUSES_US
    assert f"answered XCLIENT with: {answer[:3]}" in why


@pytest.mark.parametrize(
    ("helo", "said"),
    [("[192.0.2.10]", "[192.0.2.10]"), ("alice_pc", "msa.example.org"), ("", "msa.example.org")],
)
def test_ehlo_after_xclient(helo: str, said: str) -> None:
    """XCL-7: a name that the relay may refuse is not said."""
    with served(Server({"EHLO": ehlo(XCLIENT)})) as server:
        opened(hop(server.port, trusted=True), replace(ALICE, helo=helo)).close()
        assert server.talks[0].lines[-1] == f"EHLO {said}"
