"""Logging in at another server: PLAIN, LOGIN and SCRAM from the client's side."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.sasl.client import (
    ClientExchange,
    ClientMechanism,
    Login,
    LoginFailed,
    ServerNotProven,
    answer,
    conclude,
)
from gsubmit.sasl.mechanisms import fitting
from gsubmit.sasl.scram import MAX_ITERATIONS, MIN_ITERATIONS, scram_client

PENCIL = Login("user", "", "pencil")
ALL = ["LOGIN", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"]


def mechanism(name: str) -> ClientMechanism:
    found = next(iter(fitting([name], has_authorization_id=False)), None)
    assert found is not None
    return found


@dataclass
class Vector:
    """An exchange that is printed in an RFC."""

    algorithm: str
    nonce: str
    server_nonce: str
    salt: str
    proof: str
    signature: str

    @property
    def server_first(self) -> bytes:
        return f"r={self.nonce}{self.server_nonce},s={self.salt},i=4096".encode()

    def start(self, who: Login = PENCIL) -> ClientExchange:
        exchange = scram_client(self.algorithm, who, self.nonce)
        next(exchange)
        return exchange

    def final(self) -> ClientExchange:
        """The exchange after the client's last message."""
        exchange = self.start()
        answer(exchange, self.server_first)
        return exchange


SHA1 = Vector(
    "sha1",
    "fyko+d2lbbFgONRv9qkxdawL",
    "3rfcNHYJY1ZVvWVs7j",
    "QSXCR+Q6sek8bf92",
    "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)
SHA256 = Vector(
    "sha256",
    "rOprNGfwEbeRWgbNEkqO",
    "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    "W22ZaJ0SNY7soEsUEjb6gQ==",
    "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)


@pytest.mark.parametrize("vector", [pytest.param(SHA1, id="TV-AUT-20"), pytest.param(SHA256, id="TV-AUT-21")])
def test_scram_of_the_rfcs(vector: Vector) -> None:
    exchange = scram_client(vector.algorithm, PENCIL, vector.nonce)
    assert next(exchange) == f"n,,n=user,r={vector.nonce}".encode()
    final = answer(exchange, vector.server_first)
    assert final == f"c=biws,r={vector.nonce}{vector.server_nonce},p={vector.proof}".encode()
    assert answer(exchange, f"v={vector.signature}".encode()) == b""
    conclude(exchange)


@pytest.mark.parametrize(
    ("offered", "has_authorization_id", "expected"),
    [
        pytest.param(ALL, False, "SCRAM-SHA-256", id="all"),
        pytest.param(["plain", "scram-sha-1"], False, "SCRAM-SHA-1", id="case does not matter"),
        pytest.param(["LOGIN", "PLAIN"], False, "PLAIN", id="PLAIN before LOGIN"),
        pytest.param(["XOAUTH2", "LOGIN"], False, "LOGIN", id="LOGIN at last"),
        pytest.param(["LOGIN", "PLAIN"], True, "PLAIN", id="PLAIN has an authorization id"),
        pytest.param(["LOGIN"], True, None, id="LGN-4 LOGIN has none"),
        pytest.param(["SCRAM-SHA-256-PLUS", "CRAM-MD5"], False, None, id="none that we know"),
        pytest.param([], False, None, id="none"),
    ],
)
def test_best(offered: list[str], has_authorization_id: bool, expected: str | None) -> None:
    found = next(iter(fitting(offered, has_authorization_id=has_authorization_id)), None)
    assert (found.name if found else None) == expected


@pytest.mark.parametrize(
    ("who", "response"),
    [
        pytest.param(Login("tim", "", "tanstaaftanstaaf"), b"\0tim\0tanstaaftanstaaf", id="TV-AUT-3"),
        pytest.param(Login("Kurt", "Ursel", "xipj3plmq"), b"Ursel\0Kurt\0xipj3plmq", id="TV-AUT-4"),
        pytest.param(Login("jürgen", "", "\tpä"), "\0jürgen\0\tpä".encode(), id="PLN-1 UTF-8"),
        pytest.param(Login("tim", "", "p\udce4"), b"\0tim\0p\xe4", id="Latin-1, as it was typed"),
    ],
)
def test_plain(who: Login, response: bytes) -> None:
    assert mechanism("PLAIN").client_first
    exchange = mechanism("PLAIN").start(who)
    assert next(exchange) == response
    conclude(exchange)


def test_login() -> None:
    """LGN-1, LGN-2: the prompts do not matter."""
    assert not mechanism("LOGIN").client_first
    exchange = mechanism("LOGIN").start(Login("tim", "", "tanstaaftanstaaf"))
    assert next(exchange) == b"tim"
    assert answer(exchange, b"Your secret?") == b"tanstaaftanstaaf"
    conclude(exchange)


@pytest.mark.parametrize(
    ("name", "first", "farewell"),
    [
        pytest.param("OAUTHBEARER", b"n,a=a=2Cb,\x01auth=Bearer t.t\x01\x01", b"\x01", id="RFC 7628 3.2.3"),
        pytest.param("XOAUTH2", b"user=a,b\x01auth=Bearer t.t\x01\x01", b"", id="XOAUTH2"),
    ],
)
def test_token(name: str, first: bytes, farewell: bytes) -> None:
    (found,) = fitting([name, "PLAIN"], is_token=True)
    assert found.is_cleartext and not found.has_prompts
    exchange = found.start(Login("a,b", "", "t.t"))
    assert next(exchange) == first
    assert answer(exchange, b'{"status":"invalid_token"}') == farewell
    with pytest.raises(LoginFailed):
        answer(exchange, b"{}")
    exchange = found.start(Login("a,b", "", "t.t"))
    next(exchange)
    conclude(exchange)


def test_login_has_no_authorization_id() -> None:
    with pytest.raises(LoginFailed):
        next(mechanism("LOGIN").start(Login("a", "b", "c")))


@pytest.mark.parametrize("name", ALL)
def test_yes_too_early(name: str) -> None:
    """Nobody logs in with half of a mechanism, and nobody is a proven server without showing it."""
    exchange = mechanism(name).start(PENCIL)
    next(exchange)
    if name == "PLAIN":
        conclude(exchange)
    else:
        with pytest.raises(ServerNotProven):
            conclude(exchange)


def test_yes_before_the_proof() -> None:
    """SCR-13."""
    with pytest.raises(ServerNotProven):
        conclude(SHA256.final())


def test_too_many_challenges() -> None:
    exchange = mechanism("PLAIN").start(PENCIL)
    next(exchange)
    with pytest.raises(LoginFailed):
        answer(exchange, b"")


def first(nonce: str = SHA1.nonce + "x", salt: str = "QSXCR+Q6", count: int | str = 4096) -> bytes:
    return f"r={nonce},s={salt},i={count}".encode()


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(first(SHA1.nonce), id="SCR-4 nothing added"),
        pytest.param(first("x" + SHA1.nonce), id="SCR-5 another nonce"),
        pytest.param(first(SHA1.nonce + "a,b"), id="comma in the nonce"),
        pytest.param(first(SHA1.nonce + "é"), id="8-bit in the nonce"),
        pytest.param(first(SHA1.nonce + " x"), id="space in the nonce"),
        pytest.param(first(salt=""), id="no salt"),
        pytest.param(first(salt="QSX"), id="no base64"),
        pytest.param(first(salt="Q=XC"), id="padding inside"),
        pytest.param(first(count=MIN_ITERATIONS - 1), id="SCR-4 too few"),
        pytest.param(first(count=MAX_ITERATIONS + 1), id="SCR-13 too many"),
        pytest.param(first(count="9" * 5000), id="SCR-13 too many digits"),
        pytest.param(first(count=0), id="none"),
        pytest.param(first(count="04096"), id="leading zero"),
        pytest.param(first(count="-4096"), id="negative"),
        pytest.param(b"m=x," + first(), id="SCR-2 mandatory extension"),
        pytest.param(first() + b",m=x", id="mandatory extension at the end"),
        pytest.param(first() + b"\n", id="line end"),
        pytest.param(b"e=unknown-user", id="SCR-8 error"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\0", id="octets"),
    ],
)
def test_bad_first_message(message: bytes) -> None:
    with pytest.raises(LoginFailed):
        answer(SHA1.start(), message)


@pytest.mark.parametrize("count", [MIN_ITERATIONS, MAX_ITERATIONS])
def test_counts_at_the_limits(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.sasl.scram.hashlib.pbkdf2_hmac", lambda *_: b"x")
    who = Login("user", "", "a password that is not hashed")
    assert answer(SHA1.start(who), first(count=count)).startswith(b"c=biws,r=")


def test_unknown_extensions_are_ignored() -> None:
    """SCR-3; they count in the signature."""
    response = answer(SHA1.start(), SHA1.server_first + b",x=1,Y=\xc3\xa9")
    assert response.startswith(b"c=biws,r=")
    assert SHA1.proof.encode() not in response
    assert answer(SHA1.final(), f"v={SHA1.signature},x=1".encode()) == b""


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(f"v={SHA256.signature}".encode(), id="signature of something else"),
        pytest.param(b"v=rmF9pqV8S7suAoZWja4dJRkFsKA=", id="one bit"),
        pytest.param(b"v=rmF9pqV8S7suAoZWja4dJRkF", id="too short"),
        pytest.param(b"v=", id="no signature"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"OK", id="something else"),
    ],
)
def test_server_not_proven(message: bytes) -> None:
    """SCR-13."""
    with pytest.raises(ServerNotProven):
        answer(SHA1.final(), message)


@pytest.mark.parametrize("message", [b"e=invalid-proof", b"e=other-error,x=1"])
def test_server_says_no(message: bytes) -> None:
    """SCR-8."""
    with pytest.raises(LoginFailed, match=r"the server says [a-z-]+$") as failed:
        answer(SHA1.final(), message)
    assert not isinstance(failed.value, ServerNotProven)


@pytest.mark.parametrize(
    ("who", "start"),
    [
        pytest.param(Login("a,b=c", "", "p"), "n,,n=a=2Cb=3Dc,r=", id="TV-AUT-25"),
        pytest.param(Login("me", "you", "p"), "n,a=you,n=me,r=", id="authorization id"),
        pytest.param(Login("me", "=,", "p"), "n,a==3D=2C,n=me,r=", id="SCR-3 authorization id"),
        pytest.param(Login("I\u00adX\u00a0\u2168", "", "p"), "n,,n=IX IX,r=", id="SASLprep"),
        pytest.param(Login("jürgen", "", "p"), "n,,n=jürgen,r=", id="UTF-8"),
    ],
)
def test_scram_names(who: Login, start: str) -> None:
    response = next(mechanism("SCRAM-SHA-1").start(who)).decode()
    assert response.startswith(start)
    assert re.fullmatch(r"[!-+\--~]{18,}", response.removeprefix(start))


def test_nonces_differ() -> None:
    assert len({next(mechanism("SCRAM-SHA-256").start(PENCIL)) for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(Login("user", "", "pass\x07word"), id="control in the password"),
        pytest.param(Login("us\ner", "", "pencil"), id="control in the name"),
        pytest.param(Login("user", "\u0627\x31", "pencil"), id="mixed directions"),
        pytest.param(Login("user", "", "\u00ad"), id="nothing left of the password"),
        pytest.param(Login("\u00ad", "", "pencil"), id="nothing left of the name"),
    ],
)
def test_scram_does_not_take(who: Login) -> None:
    with pytest.raises(LoginFailed) as failed:
        next(mechanism("SCRAM-SHA-256").start(who))
    assert who.password not in str(failed.value)
    assert failed.value.__suppress_context__ or failed.value.__context__ is None


@pytest.mark.parametrize(
    ("authentication_id", "authorization_id", "password"),
    [
        pytest.param("", "", "x", id="no name"),
        pytest.param("x", "", "", id="no password"),
        pytest.param("a\0b", "", "x", id="NUL in the name"),
        pytest.param("a", "\0", "x", id="NUL in the authorization id"),
        pytest.param("a", "", "\0", id="NUL in the password"),
        pytest.param("\udcff", "", "x", id="broken UTF-8 in the name"),
    ],
)
def test_no_credentials(authentication_id: str, authorization_id: str, password: str) -> None:
    with pytest.raises(LoginFailed):
        Login(authentication_id, authorization_id, password)


def test_password_is_not_shown() -> None:
    assert "pencil" not in repr(PENCIL)


def test_password_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 5802 5.1: the salted password may be kept."""
    counted = []

    def pbkdf2(*args: object) -> bytes:
        counted.append(args)
        return b"x"

    monkeypatch.setattr("gsubmit.sasl.scram.hashlib.pbkdf2_hmac", pbkdf2)
    who = Login("user", "", "of this test only")
    for _ in range(3):
        answer(SHA1.start(who), SHA1.server_first)
    assert len(counted) == 1
    answer(SHA1.start(who), SHA1.server_first.replace(b"4096", b"4097"))
    answer(SHA1.start(Login("user", "", "of this test too")), SHA1.server_first)
    assert len(counted) == 3


class ScramServer:
    """A server written from RFC 5802 alone, with PBKDF2 done by hand. Keeps the keys, not the password."""

    def __init__(self, algorithm: str, password: str, iterations: int = MIN_ITERATIONS) -> None:
        self.algorithm, self.iterations, self.salt = algorithm, iterations, b"\x00salt\xff"
        salted = self._hi(password.encode())
        self.stored_key = hashlib.new(algorithm, self._hmac(salted, b"Client Key")).digest()
        self.server_key = self._hmac(salted, b"Server Key")
        self.authorization_id = self.name = ""

    def _hmac(self, key: bytes, text: bytes) -> bytes:
        return hmac.new(key, text, self.algorithm).digest()

    def _hi(self, password: bytes) -> bytes:
        block = self._hmac(password, self.salt + b"\0\0\0\1")
        result = int.from_bytes(block, "big")
        for _ in range(self.iterations - 1):
            block = self._hmac(password, block)
            result ^= int.from_bytes(block, "big")
        return result.to_bytes(len(block), "big")

    def talk(self, client_first: bytes) -> Iterator[bytes]:
        """The challenges; each response is put into `self.response` before the next one is taken."""
        flag, authorization_id, bare = client_first.decode().split(",", 2)
        assert flag == "n"
        name, nonce = bare.split(",")
        assert name[:2] == "n=" and nonce[:2] == "r=" and authorization_id[:2] in ("", "a=")
        self.name, self.authorization_id = self._unescaped(name[2:]), self._unescaped(authorization_id[2:])
        server_first = f"{nonce}srv%,s={b64encode(self.salt).decode()},i={self.iterations}"
        self.response = b""
        yield server_first.encode()
        without_proof, proof = self.response.decode().rsplit(",p=", 1)
        binding = b64encode(f"{flag},{authorization_id},".encode()).decode()
        assert without_proof == f"c={binding},{nonce}srv%"
        auth_message = f"{bare},{server_first},{without_proof}".encode()
        signature = self._hmac(self.stored_key, auth_message)
        client_key = bytes(a ^ b for a, b in zip(b64decode(proof), signature, strict=True))
        if hashlib.new(self.algorithm, client_key).digest() != self.stored_key:
            yield b"e=invalid-proof"
        yield b"v=" + b64encode(self._hmac(self.server_key, auth_message))
        assert self.response == b""

    @staticmethod
    def _unescaped(name: str) -> str:
        assert re.fullmatch("(?:[^=,]|=2C|=3D)*", name)
        return name.replace("=2C", ",").replace("=3D", "=")


def log_in(who: Login, server: ScramServer) -> None:
    name = {"sha1": "SCRAM-SHA-1", "sha256": "SCRAM-SHA-256"}[server.algorithm]
    exchange = mechanism(name).start(who)
    for challenge in server.talk(next(exchange)):
        server.response = answer(exchange, challenge)
    conclude(exchange)


SERVERS = {algorithm: ScramServer(algorithm, "pen ciIl") for algorithm in ("sha1", "sha256")}


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@given(
    name=st.text("abz=,@. +é", min_size=1).filter(str.strip),
    authorization_id=st.text("abz=,@. +é"),
)
def test_round_trip(algorithm: str, name: str, authorization_id: str) -> None:
    """The password differs from the server's before SASLprep only."""
    server = SERVERS[algorithm]
    log_in(Login(name, authorization_id, "pen\u00a0ci\u00adIl"), server)
    assert (server.name, server.authorization_id) == (name, authorization_id)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_wrong_password(algorithm: str) -> None:
    with pytest.raises(LoginFailed, match="invalid-proof"):
        log_in(Login("user", "", "pencil"), SERVERS[algorithm])


def test_server_without_the_password() -> None:
    """A false server that knows neither key cannot make the signature."""
    server = ScramServer("sha256", "pen ciIl")
    server.server_key = bytes(32)
    with pytest.raises(ServerNotProven):
        log_in(Login("user", "", "pen ciIl"), server)


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([SHA1.server_first, b"v=" + SHA1.signature.encode()]), max_size=3)
)
def test_no_challenge_breaks_an_exchange(challenges: list[bytes]) -> None:
    exchange = SHA1.start()
    try:
        for challenge in challenges:
            answer(exchange, challenge)
    except LoginFailed as failed:
        assert "pencil" not in str(failed)
