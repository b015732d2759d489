"""The server side of SCRAM: vectors, every rule of the messages, and clients of other hands."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp import ScramClient, ScramException  # type: ignore[import-untyped]

from gsubmit.sasl import client
from gsubmit.sasl.claims import MAX_FIELD, Account, Barred, Denied, Identity, KeysWanted, MalformedResponse, Verdict
from gsubmit.sasl.mechanism import Channel, Exchange
from gsubmit.sasl.mechanisms import MECHANISMS, fitting
from gsubmit.sasl.scram import scram
from tests.unit.sasl.authority import MADE_UP, FakeAuthority, finish, run, scram_keys, start

USER = {"user": "pencil"}
ELEVENS = b"\x11" * 32
END_POINT = ("tls-server-end-point", b"\x22" * 48)
TLS = Channel(
    offered=frozenset(MECHANISMS),
    bindings={"tls-exporter": lambda: ELEVENS, END_POINT[0]: lambda: END_POINT[1]},
)
CLEAR = Channel(offered=frozenset({"SCRAM-SHA-1", "SCRAM-SHA-256"}))
NAMES = ("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")


@dataclass(frozen=True)
class Vector:
    """An exchange with fixed nonces, whose four messages are known."""

    scheme: str
    gs2_header: str
    nonce: str
    server_nonce: str
    salt: str
    channel_data: bytes
    proof: str
    signature: str

    @property
    def client_first(self) -> bytes:
        return f"{self.gs2_header}n=user,r={self.nonce}".encode()

    @property
    def server_first(self) -> bytes:
        return f"r={self.nonce}{self.server_nonce},s={self.salt},i=4096".encode()

    @property
    def without_proof(self) -> bytes:
        binding = b64encode(self.gs2_header.encode() + self.channel_data).decode()
        return f"c={binding},r={self.nonce}{self.server_nonce}".encode()

    @property
    def client_final(self) -> bytes:
        return self.without_proof + f",p={self.proof}".encode()

    @property
    def server_final(self) -> bytes:
        return f"v={self.signature}".encode()

    def authority(self, passwords: Mapping[str, str] = USER) -> FakeAuthority:
        return FakeAuthority(passwords, salt=b64decode(self.salt))

    def begun(self, authority: FakeAuthority | None = None) -> Exchange:
        """The exchange, with the empty challenge asked for."""
        binds = self.gs2_header.startswith("p")
        exchange = scram(self.scheme, binds, authority or self.authority(), TLS if binds else CLEAR, self.server_nonce)
        assert next(exchange) == b""
        return exchange

    def half_way(self, authority: FakeAuthority | None = None) -> Exchange:
        """The exchange before the client's last message."""
        exchange = self.begun(authority)
        assert exchange.send(self.client_first) == self.server_first
        return exchange


SHA1 = Vector(
    "SCRAM-SHA-1",
    "n,,",
    "fyko+d2lbbFgONRv9qkxdawL",
    "3rfcNHYJY1ZVvWVs7j",
    "QSXCR+Q6sek8bf92",
    b"",
    "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)
SHA256 = Vector(
    "SCRAM-SHA-256",
    "n,,",
    "rOprNGfwEbeRWgbNEkqO",
    "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    "W22ZaJ0SNY7soEsUEjb6gQ==",
    b"",
    "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)
PLUS = Vector(
    "SCRAM-SHA-256",
    "p=tls-exporter,,",
    SHA256.nonce,
    SHA256.server_nonce,
    SHA256.salt,
    ELEVENS,
    "Q4dcKsvEmBW0DHHUKO8yRs+xTP7n8B1Tr5drh5IEVPk=",
    "B5qTfkI03VFfKLSNSo/t0bQUz+OWv9/SGQ4mx6sVXVw=",
)


@pytest.mark.parametrize(
    "vector",
    [pytest.param(SHA1, id="TV-AUT-20"), pytest.param(SHA256, id="TV-AUT-21"), pytest.param(PLUS, id="TV-AUT-22")],
)
def test_vectors(vector: Vector) -> None:
    """SCR-4 to SCR-8: all four messages, the last as a challenge that is answered by nothing (AUT-17)."""
    authority = vector.authority()
    exchange = vector.half_way(authority)
    assert exchange.send(vector.client_final) == vector.server_final
    assert finish(exchange, b"") == Identity("user")
    assert authority.asked == [KeysWanted("user", scheme=vector.scheme)]


def test_keys_of_the_vectors() -> None:
    """The keys that are printed with TV-AUT-20 and TV-AUT-21, for they are what is stored (SCR-6, SCR-12)."""
    keys = scram_keys("sha1", "pencil", b64decode(SHA1.salt))
    assert (b64encode(keys.stored_key), b64encode(keys.server_key)) == (
        b"6dlGYMOdZcOPutkcNY8U2g7vK9Y=",
        b"D+CSWLOshSulAsxiupA+qs2/fTE=",
    )


def test_names() -> None:
    """SCR-1, SCR-10."""
    for name in NAMES:
        mechanism = MECHANISMS[name]
        assert not mechanism.cleartext and not mechanism.server_first
        assert mechanism.is_possible(TLS)
        assert mechanism.is_possible(CLEAR) is not name.endswith("-PLUS")


def test_server_nonce() -> None:
    """SCR-4: fresh, printable, no comma, and after the client's."""
    seen = set()
    for _ in range(50):
        exchange = start("SCRAM-SHA-256", FakeAuthority(USER))
        next(exchange)
        matched = re.fullmatch(
            rb"r=abc([!-+\--~]{18,}),s=c29kaXVtIGNobG9yaWRlIQ==,i=4096", exchange.send(b"n,,n=user,r=abc")
        )
        assert matched is not None
        seen.add(matched[1])
    assert len(seen) == 50


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(b"n,,n=user,r=a", KeysWanted("user", scheme="SCRAM-SHA-1"), id="name alone"),
        pytest.param(b"y,,n=user,r=a", KeysWanted("user", scheme="SCRAM-SHA-1"), id="SCR-9 flag y, no PLUS offered"),
        pytest.param(
            b"n,a=other,n=user,r=a",
            KeysWanted("user", scheme="SCRAM-SHA-1", authorization_id="other"),
            id="SCR-2 authorization id",
        ),
        pytest.param(b"n,,n=a=2Cb=3Dc,r=a", KeysWanted("a,b=c", scheme="SCRAM-SHA-1"), id="TV-AUT-25 SCR-3"),
        pytest.param(b"n,,n==3D2C,r=a", KeysWanted("=2C", scheme="SCRAM-SHA-1"), id="SCR-3 escaped escape"),
        pytest.param(
            b"n,a==3D=2C,n=user,r=a",
            KeysWanted("user", scheme="SCRAM-SHA-1", authorization_id="=,"),
            id="SCR-3 escapes in the authorization id",
        ),
        pytest.param(
            "n,,n=I\u00adX\u2168,r=a".encode(),
            KeysWanted("I\u00adX\u2168", scheme="SCRAM-SHA-1"),
            id="SCR-7 name as received",
        ),
        pytest.param(b"n,,n=user,r=!%-+=~", KeysWanted("user", scheme="SCRAM-SHA-1"), id="SCR-2 nonce of any sign"),
        pytest.param(
            "n,,n=user,r=a,x=1,Y==é".encode(), KeysWanted("user", scheme="SCRAM-SHA-1"), id="SCR-3 extensions"
        ),
        pytest.param(
            b"n,,n=%b,r=a" % (b"u" * MAX_FIELD), KeysWanted("u" * MAX_FIELD, scheme="SCRAM-SHA-1"), id="long name"
        ),
    ],
)
def test_first_message(message: bytes, expected: KeysWanted) -> None:
    authority = FakeAuthority(USER)
    exchange = start("SCRAM-SHA-1", authority, CLEAR)
    next(exchange)
    assert exchange.send(message).startswith(b"r=" + message.split(b"r=")[1].split(b",")[0])
    assert authority.asked == [expected]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"n,,m=x,n=user,r=abc", id="TV-AUT-24 SCR-2 mandatory extension"),
        pytest.param(b"n,,n=user,r=abc,m=x", id="SCR-2 mandatory extension at the end"),
        pytest.param(b"n,,n=us=er,r=abc", id="TV-AUT-24 SCR-3 unknown escape"),
        pytest.param(b"n,,n=us=2cer,r=abc", id="SCR-3 escape in lower case"),
        pytest.param(b"n,a=a=b,n=user,r=abc", id="SCR-3 unknown escape in the authorization id"),
        pytest.param(b"n,,n=u,r=", id="TV-AUT-24 SCR-2 empty nonce"),
        pytest.param(b"x,,n=u,r=a", id="TV-AUT-24 SCR-2 unknown flag"),
        pytest.param(b"N,,n=u,r=a", id="SCR-2 flag in capitals"),
        pytest.param(b"n=1,,n=u,r=a", id="SCR-2 flag n with a value"),
        pytest.param(b"p,,n=u,r=a", id="SCR-2 flag p without a type"),
        pytest.param(b"p=,,n=u,r=a", id="SCR-2 flag p with an empty type"),
        pytest.param(b"p=tls_unique,,n=u,r=a", id="SCR-2 type with a bad sign"),
        pytest.param(b"F,n,,n=u,r=a", id="RFC 5801 4 non-standard flag"),
        pytest.param(b"n,n=u,r=a", id="SCR-2 one comma missing"),
        pytest.param(b",,n=u,r=a", id="SCR-2 no flag"),
        pytest.param(b"n,a=,n=u,r=a", id="SCR-2 empty authorization id"),
        pytest.param(b"n,b=x,n=u,r=a", id="SCR-2 another attribute in the header"),
        pytest.param(b"n,,r=a,n=u", id="SCR-3 wrong order"),
        pytest.param(b"n,,n=,r=a", id="SCR-2 empty name"),
        pytest.param(b"n,,n=u", id="SCR-2 no nonce"),
        pytest.param(b"n,,n=u,r=a b", id="SCR-2 space in the nonce"),
        pytest.param(b"n,,n=u,r=\xc3\xa9", id="SCR-2 nonce not ASCII"),
        pytest.param(b"n,,n=u,r=a,", id="SCR-2 comma at the end"),
        pytest.param(b"n,,n=u,r=a,x", id="SCR-3 extension without value"),
        pytest.param(b"n,,n=u,r=a,x=", id="SCR-3 extension with empty value"),
        pytest.param(b"n,,n=u,r=a,xy=1", id="SCR-3 extension with two letters"),
        pytest.param(b"n,,n=u,r=a,n=v", id="SCR-3 second name"),
        pytest.param(b"n,,n=u,r=a,r=b", id="SCR-3 second nonce"),
        pytest.param(b"n,,n=u,r=a,x=\0", id="SCR-3 NUL in an extension"),
        pytest.param(b"n,,n=u,r=a,x=\xff", id="SCR-3 extension not UTF-8"),
        pytest.param(b"n,,n=\xff,r=a", id="SCR-3 name not UTF-8"),
        pytest.param(b"n,,n=\xed\xa0\x80,r=a", id="SCR-3 surrogate"),
        pytest.param(b"n,,n=u\0,r=a", id="AUT-25 NUL in the name"),
        pytest.param(b"n,,n=u\n,r=a", id="AUT-25 LF in the name"),
        pytest.param(b"n,a=\x7f,n=u,r=a", id="AUT-25 DEL in the authorization id"),
        pytest.param(b"n,,n=u,r=a\n", id="line feed at the end"),
        pytest.param(b"n,,n=%b,r=a" % (b"u" * (MAX_FIELD + 1)), id="name too long"),
    ],
)
@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"])
def test_first_message_malformed(name: str, message: bytes) -> None:
    authority = FakeAuthority(USER)
    exchange = start(name, authority, TLS)
    next(exchange)
    with pytest.raises(MalformedResponse):
        exchange.send(message)
    assert authority.asked == []


@pytest.mark.parametrize(
    ("name", "gs2_header", "channel"),
    [
        pytest.param("SCRAM-SHA-256", "y,,", TLS, id="TV-AUT-23 SCR-9 flag y while PLUS is offered"),
        pytest.param("SCRAM-SHA-256", "p=tls-exporter,,", TLS, id="SCR-9 flag p without PLUS"),
        pytest.param("SCRAM-SHA-256-PLUS", "n,,", TLS, id="SCR-9 flag n with PLUS"),
        pytest.param("SCRAM-SHA-256-PLUS", "y,,", TLS, id="SCR-9 flag y with PLUS"),
        pytest.param("SCRAM-SHA-256-PLUS", "p=tls-unique,,", TLS, id="TV-AUT-23 SCR-9 tls-unique on TLS 1.3"),
        pytest.param("SCRAM-SHA-256-PLUS", "p=foo,,", TLS, id="TV-AUT-23 SCR-9 unknown type"),
        pytest.param("SCRAM-SHA-256-PLUS", "p=TLS-EXPORTER,,", TLS, id="CHB-6 type in capitals"),
        pytest.param("SCRAM-SHA-1-PLUS", "p=tls-exporter,,", CLEAR, id="SCR-9 no binding here"),
    ],
)
def test_flag_denied(name: str, gs2_header: str, channel: Channel) -> None:
    authority = FakeAuthority(USER)
    exchange = start(name, authority, channel)
    next(exchange)
    with pytest.raises(Denied):
        exchange.send(f"{gs2_header}n=user,r=abc".encode())
    assert authority.asked == []


def test_flag_y_is_about_one_mechanism() -> None:
    """A client without SHA-256 has not been kept from seeing what it looks for (RFC 5802 6)."""
    channel = Channel(offered=frozenset(NAMES) - {"SCRAM-SHA-1-PLUS"}, bindings=TLS.bindings)
    exchange = start("SCRAM-SHA-1", FakeAuthority(USER), channel)
    next(exchange)
    assert exchange.send(b"y,,n=user,r=abc").startswith(b"r=abc")


BINDING = b64encode(b"n,,")


@pytest.mark.parametrize(
    ("vector", "old", "new"),
    [
        pytest.param(SHA1, b"c=biws", b"c=eSws", id="TV-AUT-23 SCR-5 another flag"),
        pytest.param(SHA1, b"c=biws", b"c=" + b64encode(b"n,a=x,"), id="SCR-5 another authorization id"),
        pytest.param(SHA1, b"c=biws", b"c=" + b64encode(b"n,,x"), id="SCR-5 channel data without binding"),
        pytest.param(SHA1, b"c=biws", b"c=biws=", id="SCR-5 padding too much"),
        pytest.param(PLUS, b64encode(b"p=tls-exporter,," + ELEVENS), BINDING, id="SCR-5 binding left out"),
        pytest.param(
            PLUS,
            b64encode(b"p=tls-exporter,," + ELEVENS),
            b64encode(b"p=tls-exporter,," + ELEVENS[1:] + b"\x12"),
            id="SCR-5 another channel",
        ),
        pytest.param(
            PLUS,
            b64encode(b"p=tls-exporter,," + ELEVENS),
            b64encode(b"p=tls-exporter,,"),
            id="SCR-5 channel data left out",
        ),
        pytest.param(SHA1, b"Vs7j", b"Vs7k", id="TV-AUT-24 SCR-5 changed nonce"),
        pytest.param(SHA1, b"3rfcNHYJY1ZVvWVs7j", b"", id="SCR-5 the client's nonce alone"),
        pytest.param(SHA1, b"Vs7j", b"Vs7jj", id="SCR-5 longer nonce"),
        pytest.param(SHA1, b"p=v0X8", b"p=v1X8", id="SCR-7 wrong proof"),
        pytest.param(SHA1, b",p=", b",x=1,p=", id="SCR-3 an extension that the proof is not about"),
    ],
)
def test_denied(vector: Vector, old: bytes, new: bytes) -> None:
    """Nothing is said before: above all no signature of ours (SCR-8)."""
    message = vector.client_final.replace(old, new)
    assert message != vector.client_final
    with pytest.raises(Denied):
        vector.half_way().send(message)


def test_unknown_user() -> None:
    """SCR-11, AUT-24: the exchange goes on, and not even the right proof for the made up keys lets anybody in."""
    authority = SHA1.authority({})
    with pytest.raises(Denied, match="unknown user"):
        SHA1.half_way(authority).send(SHA1.client_final)
    who = ScramClient(["SCRAM-SHA-1"], "user", MADE_UP, c_nonce=SHA1.nonce)
    exchange = SHA1.begun(authority)
    who.set_server_first(exchange.send(who.get_client_first().encode()).decode())
    with pytest.raises(Denied, match="unknown user"):
        exchange.send(who.get_client_final().encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(SHA1.client_final, b"", id="empty"),
        pytest.param(b"Ts=", b"Ts==", id="TV-AUT-24 padding too much"),
        pytest.param(b"Ts=", b"Ts", id="padding missing"),
        pytest.param(b"p=v0X8", b"p=v0-8", id="bad sign in the proof"),
        pytest.param(b"p=v0X8", b"p=", id="proof too short"),
        pytest.param(b"p=v0X8", b"p=v0X8v0X8", id="proof too long"),
        pytest.param(SHA1.proof.encode(), b"", id="empty proof"),
        pytest.param(b",p=" + SHA1.proof.encode(), b"", id="no proof"),
        pytest.param(b"c=biws,", b"", id="no channel binding"),
        pytest.param(b"c=biws", b"c=", id="empty channel binding"),
        pytest.param(b"c=biws", b"c=b-ws", id="bad sign in the channel binding"),
        pytest.param(b"c=biws,r=", b"r=", id="SCR-3 wrong order"),
        pytest.param(b",p=", b",m=x,p=", id="SCR-2 mandatory extension"),
        pytest.param(b",p=", b",p=%b,p=" % SHA1.proof.encode(), id="SCR-3 two proofs"),
        pytest.param(b"Ts=", b"Ts=,x=1", id="SCR-3 extension after the proof"),
        pytest.param(b",p=", b",x=\xff,p=", id="SCR-3 extension not UTF-8"),
        pytest.param(b"Ts=", b"Ts=\n", id="line feed at the end"),
    ],
)
def test_last_message_malformed(old: bytes, new: bytes) -> None:
    message = SHA1.client_final.replace(old, new)
    assert message != SHA1.client_final
    with pytest.raises(MalformedResponse):
        SHA1.half_way().send(message)


@pytest.mark.parametrize("response", [b"x", b"*", SHA1.client_final], ids=["text", "star", "again"])
def test_signature_is_answered_by_nothing(response: bytes) -> None:
    """AUT-17."""
    exchange = SHA1.half_way()
    exchange.send(SHA1.client_final)
    with pytest.raises(MalformedResponse):
        exchange.send(response)


def independent(name: str, binding: tuple[str, bytes] | None, user: str, password: str, exchange: Exchange) -> Identity:
    """A login by another's client, which has no tls-exporter: for that there is TV-AUT-22."""
    who = ScramClient([name], user, password, channel_binding=binding)
    assert next(exchange) == b""
    who.set_server_first(exchange.send(who.get_client_first().encode()).decode())
    who.set_server_final(exchange.send(who.get_client_final().encode()).decode())
    return finish(exchange, b"")


@pytest.mark.parametrize(
    ("name", "binding"),
    [
        pytest.param("SCRAM-SHA-1", None, id="SHA-1"),
        pytest.param("SCRAM-SHA-256", None, id="SHA-256"),
        pytest.param("SCRAM-SHA-1-PLUS", END_POINT, id="SHA-1-PLUS"),
        pytest.param("SCRAM-SHA-256-PLUS", END_POINT, id="SHA-256-PLUS"),
    ],
)
@pytest.mark.parametrize(("user", "password"), [("user", "pencil"), ("a,b=c", "pä,=")])
def test_independent_client(name: str, binding: tuple[str, bytes] | None, user: str, password: str) -> None:
    exchange = start(name, FakeAuthority({user: password}), TLS if binding else CLEAR)
    assert independent(name, binding, user, password, exchange) == Identity(user)


@pytest.mark.parametrize("name", NAMES)
def test_independent_client_denied(name: str) -> None:
    """A wrong password; and, with PLUS, somebody between client and server."""
    plus = name.endswith("-PLUS")
    channel, binding = (TLS, END_POINT) if plus else (CLEAR, None)
    with pytest.raises(Denied, match="password mismatch"):
        independent(name, binding, "user", "pencil2", start(name, FakeAuthority(USER), channel))
    if plus:
        with pytest.raises(Denied, match="channel bindings do not match"):
            independent(name, (END_POINT[0], bytes(48)), "user", "pencil", start(name, FakeAuthority(USER), channel))


def test_false_server_is_found_out() -> None:
    """The signature depends on the key: the independent client refuses another one."""
    exchange = SHA256.half_way()
    who = ScramClient(["SCRAM-SHA-256"], "user", "pencil", c_nonce=SHA256.nonce)
    who.get_client_first()
    who.set_server_first(SHA256.server_first.decode())
    final = exchange.send(who.get_client_final().encode())
    with pytest.raises(ScramException):
        who.set_server_final(final.replace(b"v=6", b"v=7").decode())


def ours(mechanism: client.ClientMechanism, login: client.Login, exchange: Exchange) -> Identity:
    """A login by our own client."""
    who = mechanism.start(login)
    assert next(exchange) == b""
    server_first = exchange.send(next(who))
    server_final = exchange.send(client.answer(who, server_first))
    identity = finish(exchange, client.answer(who, server_final))
    client.conclude(who)
    return identity


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
@settings(deadline=None, max_examples=30)
@given(user=st.text("abz=,@. +é", min_size=1).filter(str.strip), other=st.text("abz=,@. +é"))
def test_own_client(name: str, user: str, other: str) -> None:
    mechanism = next(iter(fitting([name], has_authorization_id=bool(other))), None)
    assert mechanism is not None
    exchange = start(name, FakeAuthority({user: "pencil"}), CLEAR)
    assert ours(mechanism, client.Login(user, other, "pencil"), exchange) == Identity(other or user)


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_who_is_barred_has_seen_the_server_s_proof(name: str) -> None:
    """He hears why in a reply that comes from the true server."""

    class Barring(FakeAuthority):
        def account(self, claim: KeysWanted) -> Account:
            return replace(super().account(claim), outcome=bar)

    def bar() -> Verdict:
        raise Barred("login disabled")

    exchange = start(name, Barring(USER), CLEAR)
    with pytest.raises(Barred):
        independent(name, None, "user", "pencil", exchange)
    with pytest.raises(Denied, match="password mismatch"):
        independent(name, None, "user", "pencil2", start(name, Barring(USER), CLEAR))


def test_nothing_secret_is_shown() -> None:
    keys = scram_keys("sha1", "pencil", b"salt")
    assert repr(keys.stored_key) not in repr(keys) and repr(keys.server_key) not in repr(keys)
    for vector in (SHA1, PLUS):
        for message in (vector.client_final[:-1], vector.client_final.replace(b",r=", b",r=x")):
            with pytest.raises((Denied, MalformedResponse)) as refused:
                vector.half_way().send(message)
            assert refused.value.__cause__ is None
            assert not any(secret in str(refused.value) for secret in (vector.proof[:-1], vector.nonce, "user,"))


parts = st.sampled_from(
    [
        b"n",
        b"y",
        b"p=tls-exporter",
        b",",
        b"a=x",
        b"n=user",
        b"r=abc",
        b"m=1",
        b"x=1",
        b"c=biws",
        b"p=AAAA",
        b"=",
        b"\0",
    ]
)


@settings(deadline=None)
@given(
    st.sampled_from(NAMES),
    st.lists(
        st.binary(max_size=60)
        | st.lists(parts, max_size=9).map(b"".join)
        | st.sampled_from([b"n,,n=user,r=abc", b"p=tls-exporter,,n=user,r=abc"]),
        min_size=3,
        max_size=3,
    ),
)
def test_no_response_breaks_it(name: str, responses: list[bytes]) -> None:
    with pytest.raises((Denied, MalformedResponse)):
        run(start(name, FakeAuthority(USER), TLS), responses)


UNUSED_BITS = len(SHA1.client_final) - 2  # the last sign before the padding: two of its bits mean nothing


@settings(deadline=None)
@given(st.integers(0, len(SHA1.client_final) - 1).filter(lambda position: position != UNUSED_BITS), st.integers(1, 255))
def test_no_octet_may_be_changed(position: int, change: int) -> None:
    """Every octet of the client's last message counts."""
    message = bytearray(SHA1.client_final)
    message[position] ^= change
    with pytest.raises((Denied, MalformedResponse)):
        SHA1.half_way().send(bytes(message))
