"""What becomes of messages on the way to a relay that takes less (DWN-1 to DWN-14)."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from gsubmit.message.body import MEMORY_LIMIT, MessageBody
from gsubmit.message.encode import eight_bit, headers_need_smtputf8, seven_bit
from gsubmit.message.fault import CannotConvert
from gsubmit.message.parts import MAX_DEPTH, MAX_HEADER, MAX_HEADERS, MAX_PARTS
from tests.unit.message.conversions import converted, is_eight_bit, is_seven_bit, leaves, spooled

V = b"MIME-Version: 1.0\r\n"
CTE = b"Content-Transfer-Encoding: "
QP = CTE + b"quoted-printable\r\n\r\n"
BASE64 = CTE + b"base64\r\n\r\n"
RFC822 = b"Content-Type: message/rfc822\r\n"
UNKNOWN = b"Content-Type: text/plain; charset=unknown-8bit\r\n"
TEXT = V + b"Content-Type: text/plain; charset=utf-8\r\n"
CAFE = b"caf\xc3\xa9"


def mixed(
    *parts: bytes,
    kind: bytes = b"mixed",
    label: bytes = b"8bit",
    before: bytes = b"",
    after: bytes = b"",
    to: bytes = b"b b",
) -> bytes:
    head = V + b"Content-Type: multipart/" + kind + b'; boundary="' + to + b'"\r\n' + CTE + label + b"\r\n\r\n"
    lines = [b"--" + to + b"\r\n" + part + b"\r\n" for part in parts]
    return head + before + b"".join(lines) + b"--" + to + b"--\r\n" + after


SEVEN = [
    pytest.param(
        TEXT + CTE + b"8bit\r\n\r\nCaf\xc3\xa9 = 5\xe2\x82\xac \r\n",
        TEXT + QP + b"Caf=C3=A9 =3D 5=E2=82=AC=20\r\n",
        id="TV-DWN-1",
    ),
    pytest.param(
        TEXT + CTE + b"8bit\r\n\r\n\xe6\x97\xa5\xe6\x9c\xac\r\n",
        TEXT + BASE64 + b"5pel5pysDQo=\r\n",
        id="TV-DWN-2",
    ),
    pytest.param(
        mixed(CTE + b"8bit\r\n\r\n" + CAFE + b"\r\n", BASE64 + b"w6kNCg==\r\n"),
        mixed(QP + b"caf=C3=A9\r\n", BASE64 + b"w6kNCg==\r\n", label=b"7bit"),
        id="TV-DWN-3",
    ),
    pytest.param(
        V + RFC822 + CTE + b"8bit\r\n\r\nSubject: x\r\n" + V + b"\r\n" + CAFE + b"\r\n",
        V + RFC822 + CTE + b"7bit\r\n\r\nSubject: x\r\n" + V + QP + b"caf=C3=A9\r\n",
        id="TV-DWN-5 DWN-3",
    ),
    pytest.param(
        mixed(b"Content-Type: message/global\r\n\r\nSubject: \xc3\xa9\r\n\r\n"),
        mixed(b"Content-Type: message/global\r\n" + BASE64 + b"U3ViamVjdDogw6kNCg0K", label=b"7bit"),
        id="TV-DWN-6 DWN-5 message/global",
    ),
    pytest.param(
        b"Subject: x\r\n\r\ncaf\xe9\r\n",
        b"Subject: x\r\n" + V + UNKNOWN + QP + b"caf=E9\r\n",
        id="TV-DWN-7 DWN-8",
    ),
    pytest.param(
        b"Content-Type: text/html; charset=latin1\r\n\r\ncaf\xe9\r\n",
        b"Content-Type: text/html; charset=latin1\r\n" + V + QP + b"caf=E9\r\n",
        id="DWN-8 MIME without its version",
    ),
    pytest.param(
        mixed(RFC822 + b"\r\nA: b\r\n\r\ncaf\xe9").removeprefix(V),
        mixed(RFC822 + b"\r\nA: b\r\n" + V + UNKNOWN + QP + b"caf=E9", label=b"7bit")
        .removeprefix(V)
        .replace(b"7bit\r\n", b"7bit\r\n" + V),
        id="DWN-8 the version at every level of messages",
    ),
    pytest.param(
        b"Subject: x\r\n\r\n" + b"x" * 1500 + b"\r\n",
        b"Subject: x\r\n" + V + QP + (b"x" * 73 + b"=\r\n") * 20 + b"x" * 40 + b"\r\n",
        id="TV-DWN-8 DWN-10",
    ),
    pytest.param(
        V + b"Content-Type: application/json\r\n\r\n" + b"x" * 1500,
        V + b"Content-Type: application/json\r\n" + BASE64 + (b"eHh4" * 19 + b"\r\n") * 26 + b"eHh4" * 6 + b"\r\n",
        id="DWN-9 DWN-10 what is no text has no lines to keep",
    ),
    pytest.param(
        mixed(b"\r\nplain", b"\r\n" + CAFE, before=b"pre\r\n", after=b"post\r\n"),
        mixed(b"\r\nplain", QP + b"caf=C3=A9", label=b"7bit", before=b"pre\r\n", after=b"post\r\n"),
        id="DWN-13 preamble and epilogue stay",
    ),
    pytest.param(
        mixed(b"\r\nplain", before=CAFE + b"\r\n", after=CAFE + b"\r\n"),
        mixed(b"\r\nplain", label=b"7bit", before=b"\r\n"),
        id="DWN-13 preamble and epilogue with 8-bit octets go",
    ),
    pytest.param(
        mixed(mixed(b"\r\nplain", label=b"binary", after=CAFE, to=b"inner")),
        mixed(mixed(b"\r\nplain", label=b"7bit", to=b"inner"), label=b"7bit"),
        id="DWN-13 an epilogue within",
    ),
    pytest.param(
        mixed(CTE + b"8bit\r\n\r\na", CTE + b"BINARY\r\n\r\na", CTE + b"x-mine\r\n\r\na", CTE + b"7Bit\r\n\r\na"),
        mixed(
            CTE + b"7bit\r\n\r\na",
            CTE + b"7bit\r\n\r\na",
            CTE + b"x-mine\r\n\r\na",
            CTE + b"7Bit\r\n\r\na",
            label=b"7bit",
        ),
        id="DWN-2 DWN-11 labels of clean parts",
    ),
    pytest.param(
        mixed(mixed(CTE + b"8bit\r\n\r\nplain", kind=b"signed", to=b"in"), b"\r\n" + CAFE),
        mixed(mixed(CTE + b"8bit\r\n\r\nplain", kind=b"signed", to=b"in"), QP + b"caf=C3=A9", label=b"7bit"),
        id="DWN-6 clean and signed: not an octet changes",
    ),
    pytest.param(
        b"Subject: \xc3\xa9\r\n" + mixed(CTE + b"8bit\r\n\r\nplain", kind=b"signed"),
        b"Subject: =?utf-8?B?w6k=?=\r\n" + mixed(CTE + b"8bit\r\n\r\nplain", kind=b"signed"),
        id="DWN-6 the header outside is not signed",
    ),
    pytest.param(
        mixed(b"\r\nA: b\r\n\r\ncaf\xe9", kind=b"digest"),
        mixed(b"\r\nA: b\r\n" + V + UNKNOWN + QP + b"caf=E9", kind=b"digest", label=b"7bit"),
        id="RFC 2046 5.1.5 a digest has messages",
    ),
    pytest.param(
        b"Subject: caf\xc3\xa9\r\nX-Folded: a\r\n\tb\r\n\r\nplain\r\n",
        b"Subject: =?utf-8?B?Y2Fmw6k=?=\r\nX-Folded: a\r\n\tb\r\n\r\nplain\r\n",
        id="TV-EAI-9 DWN-12 other fields stay",
    ),
    pytest.param(
        mixed(b"Content-Description: \xc3\xa9\r\n\r\nplain"),
        mixed(b"Content-Description: =?utf-8?B?w6k=?=\r\n\r\nplain", label=b"7bit"),
        id="EAI-13 headers of parts",
    ),
    pytest.param(
        b"X-A:" + b" word" * 200 + b" \r\n\r\nplain",
        b"X-A:" + b"\r\n".join([b" word" * 14] + [b" word" * 15] * 12 + [b" word" * 6]) + b" \r\n\r\nplain",
        id="LIM-5 a field that is too long is folded",
    ),
    pytest.param(
        b"A: b\r\n cte\r\nContent-transfer-ENCODING:\r\n 8bit\r\n" + V + b"\r\n\xc3\xa9-----",
        b"A: b\r\n cte\r\n" + CTE + b"quoted-printable\r\n" + V + b"\r\n=C3=A9-----=\r\n",
        id="in place, and text without CRLF at the end gets none",
    ),
    pytest.param(
        V + b"Content-Type: image/png\r\n\r\n\xff",
        V + b"Content-Type: image/png\r\n" + BASE64 + b"/w==\r\n",
        id="DWN-9 base64 ends in CRLF",
    ),
    pytest.param(
        mixed(b"\r\n" + b"x" * 70 + b"--b b" + b"y" * 3 + b"\xc3\xa9"),
        mixed(QP + b"x" * 70 + b"--b=\r\n by" + b"yy=C3=A9", label=b"7bit"),
        id="DWN-13 soft breaks within what looks like a boundary",
    ),
    pytest.param(
        mixed(b"\r\n" + b"x" * 73 + b"--b b" + b"\r\n\xc3\xa9"),
        mixed(QP + b"x" * 73 + b"=\r\n=2D-b b" + b"\r\n=C3=A9", label=b"7bit"),
        id="DWN-13 a soft break makes no boundary",
    ),
    pytest.param(b"", b"", id="nothing"),
    pytest.param(b"A: b", b"A: b", id="a header without end"),
    pytest.param(
        b"\r\n" + CAFE + b"\r\n", V + UNKNOWN + CTE + b"quoted-printable\r\n\r\ncaf=C3=A9\r\n", id="no header"
    ),
    pytest.param(
        mixed(b"A: b", b"\r\n" + CAFE), mixed(b"A: b", QP + b"caf=C3=A9", label=b"7bit"), id="a part of header only"
    ),
    pytest.param(mixed(b"", b"\r\n" + CAFE), mixed(b"", QP + b"caf=C3=A9", label=b"7bit"), id="a part of nothing"),
    pytest.param(
        mixed(b"\r\na", b"\r\n" + CAFE).removesuffix(b"--b b--\r\n"),
        mixed(b"\r\na", QP + b"caf=C3=A9", label=b"7bit").removesuffix(b"--b b--\r\n"),
        id="a multipart without end",
    ),
    pytest.param(
        mixed(V + b"Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\n" + CAFE, b"\r\n" + CAFE),
        mixed(
            V + b"Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n" + QP + b"caf=C3=A9",
            QP + b"caf=C3=A9",
            label=b"7bit",
        ),
        id="RFC 2046 5.1.2 the outer boundary ends the inner parts",
    ),
    pytest.param(
        mixed(b"\r\n" + CAFE, b"\r\nplain").replace(b"--b b", b"--b b \t"),
        mixed(QP + b"caf=C3=A9", b"\r\nplain", label=b"7bit").replace(b"--b b", b"--b b \t"),
        id="RFC 2046 5.1.1 padding of delimiters stays",
    ),
    pytest.param(
        mixed(QP + CAFE + b" =\r\n=3D\xe9\r\nplain"),
        mixed(QP + b"caf=C3=A9 =\r\n=3D=E9\r\nplain", label=b"7bit"),
        id="RFC 2045 6.7 8-bit octets in quoted-printable",
    ),
    pytest.param(
        V + QP + b"x" * 990 + b"=3D\xe9=\r\nx",
        V + QP + b"=\r\n".join([b"x" * 73] * 13 + [b"x" * 41 + b"=3D=E9", b"x"]),
        id="RFC 2045 6.7 (5) a long line of quoted-printable",
    ),
    pytest.param(
        mixed(BASE64 + b"\xef\xbb\xbfw6kNCg==\xa0\r\n", b"\r\n" + CAFE),
        mixed(BASE64 + b"w6kNCg==", QP + b"caf=C3=A9", label=b"7bit"),
        id="RFC 2045 6.8 what decoders overlook in base64",
    ),
    pytest.param(
        mixed(BASE64 + b"eHh4" * 250, b"\r\n" + CAFE),
        mixed(BASE64 + (b"eHh4" * 19 + b"\r\n") * 13 + b"eHh4" * 3, QP + b"caf=C3=A9", label=b"7bit"),
        id="RFC 2045 6.8 a long line of base64",
    ),
    pytest.param(
        mixed(mixed(b"\r\n" + CAFE, label=b"base64", to=b"in")),
        mixed(mixed(QP + b"caf=C3=A9", label=b"7bit", to=b"in"), label=b"7bit"),
        id="RFC 2045 6.4 a container is not encoded, whatever it says",
    ),
    pytest.param(
        mixed(CTE + b"8bit\r\n" + CTE + b"7bit\r\n\r\n" + CAFE, CTE + b"8bit\r\n" + CTE + b"8bit\r\n\r\na"),
        mixed(
            CTE + b"quoted-printable\r\n" + QP + b"caf=C3=A9",
            CTE + b"7bit\r\n" + CTE + b"7bit\r\n\r\na",
            label=b"7bit",
        ),
        id="two labels that mean nothing",
    ),
    pytest.param(
        mixed(RFC822 + CTE + b"\r\n\r\nA: b\r\n" + V + b"\r\n" + CAFE),
        mixed(RFC822 + CTE + b"\r\n\r\nA: b\r\n" + V + QP + b"caf=C3=A9", label=b"7bit"),
        id="RFC 2045 6.4 a message with an empty label",
    ),
    pytest.param(
        b"Subject: caf\xe9\r\n" + mixed(b"Content-Type: a/b; name=\xc3\xa9\r\n\r\na"),
        b"Subject: =?unknown-8bit?Q?caf=E9?=\r\n"
        + mixed(b"Content-Type: a/b; name*=utf-8''%C3%A9\r\n\r\na", label=b"7bit"),
        id="RFC 1428, RFC 2231 other charsets and file names",
    ),
    pytest.param(
        mixed(b"\r\n--b\r\n--b bb\r\n --b b\r\n" + CAFE),
        mixed(QP + b"=2D-b\r\n=2D-b bb\r\n --b b\r\ncaf=C3=A9", label=b"7bit"),
        id="DWN-13 lines that are no boundary",
    ),
]


@pytest.mark.parametrize(("message", "expected"), SEVEN)
def test_seven_bit(message: bytes, expected: bytes) -> None:
    result = converted(seven_bit, message)
    assert result == expected
    assert is_seven_bit(result)
    assert converted(seven_bit, result) == result, "a second time"


@pytest.mark.parametrize(
    "label",
    [
        *(
            "",
            " ",
            "(none)",
            "7bit",
            "8bit",
            "binary",
            "8bit;",
            "8BIT (no)",
            "((a) b) 8bit",
            '"8bit"',
            "'8bit'",
            "8-bit",
        ),
        *(
            "8 bit",
            "8_bit",
            "8bits",
            "7-bit",
            "7 bits",
            "8bit.",
            "8bit, 7bit",
            "8bit; charset=utf-8",
            "8bitmime",
            "<8bit>",
        ),
        *("utf-8", "UTF8", "iso-8859-1", "us-ascii", "koi8-r", "=?utf-8?Q?8bit?=", "=?utf-8?B?OGJpdA==?=", "=?x?b?A?="),
        *("plain", "text/plain", "none", "raw", "identity", "unencoded", "null"),
    ],
)
def test_labels_that_mean_nothing(label: str) -> None:
    """RFC 2045 6.3: no encoding has that name, so the content is what it is."""
    message = mixed(CTE + label.encode() + b"\r\n\r\n" + CAFE, label=label.encode())
    kept = label if label in ("", " ", "(none)", "7-bit", "7 bits") else "7bit"
    assert converted(seven_bit, message) == mixed(QP + b"caf=C3=A9", label=kept.encode())


@pytest.mark.parametrize("label", ["Base64", "base64;", '"base64"', "base64 (x)", "=?utf-8?Q?base64?="])
def test_labels_of_base64(label: str) -> None:
    message = mixed(CTE + label.encode() + b"\r\n\r\nw6k=", b"\r\n" + CAFE)
    result = converted(seven_bit, message)
    assert CTE + label.encode() + b"\r\n\r\nw6k=\r\n" in result


@pytest.mark.parametrize("label", ["x-uue", "uuencode", "x-8bit", "base-64", "yenc", "gzip, 8bit"])
def test_unknown_encodings_stay_where_they_are_ascii(label: str) -> None:
    """RFC 2045 6.4: nobody here knows what the content means."""
    message = mixed(CTE + label.encode() + b"\r\n\r\nplain", b"\r\n" + CAFE)
    assert CTE + label.encode() + b"\r\n\r\nplain\r\n" in converted(seven_bit, message)
    with pytest.raises(CannotConvert, match="must not change"):
        converted(seven_bit, message.replace(b"plain", CAFE))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(
            mixed(b"\r\n" + CAFE, b"Content-Type: image/png\r\n" + CTE + b"binary\r\n\r\n\0\r\xff", label=b"binary"),
            mixed(b"\r\n" + CAFE, b"Content-Type: image/png\r\n" + BASE64 + b"AA3/"),
            id="BDT-18 only binary parts",
        ),
        pytest.param(
            mixed(CTE + b"binary\r\n\r\n" + CAFE, CTE + b"7bit\r\n\r\nplain", CTE + b"8bit\r\n\r\na", label=b"binary"),
            mixed(CTE + b"8bit\r\n\r\n" + CAFE, CTE + b"7bit\r\n\r\nplain", CTE + b"8bit\r\n\r\na"),
            id="BDT-19 labels",
        ),
        pytest.param(TEXT + b"\r\na\nb\r\n", TEXT + BASE64 + b"YQpiDQo=\r\n", id="BDT-18 a bare LF is kept"),
        pytest.param(
            mixed(b"\r\n" + b"x" * 999, b"\r\n" + b"x" * 998),
            mixed(QP + (b"x" * 73 + b"=\r\n") * 13 + b"x" * 50, b"\r\n" + b"x" * 998),
            id="LIM-5 lines above 998 octets",
        ),
        pytest.param(
            TEXT + b"Subject: \xc3\xa9 =?x\r\n\r\n" + CAFE,
            TEXT + b"Subject: \xc3\xa9 =?x\r\n\r\n" + CAFE,
            id="8-bit headers are the business of SMTPUTF8",
        ),
        pytest.param(
            mixed(b"\r\nplain", kind=b"signed", before=CAFE + b"\r\n"),
            mixed(b"\r\nplain", kind=b"signed", before=CAFE + b"\r\n"),
            id="DWN-6 8-bit octets may stay in what is signed",
        ),
        pytest.param(
            mixed(b"\r\nplain", before=b"\0\r\n", after=b"\n"),
            mixed(b"\r\nplain", before=b"\r\n"),
            id="DWN-13 a binary preamble goes",
        ),
    ],
)
def test_eight_bit(message: bytes, expected: bytes) -> None:
    result = converted(eight_bit, message)
    assert result == expected
    assert is_eight_bit(result)


def nested(depth: int, innermost: bytes) -> bytes:
    return (RFC822 + b"\r\n") * depth + b"A: b\r\n\r\n" + innermost


REFUSED = [
    pytest.param(mixed(b"\r\n" + CAFE, kind=b"signed"), "must not change", id="TV-DWN-4 DWN-6"),
    pytest.param(mixed(b"\r\n" + CAFE, kind=b"encrypted"), "must not change", id="DWN-7"),
    pytest.param(mixed(b"Subject: \xc3\xa9\r\n\r\na", kind=b"signed"), "must not change", id="DWN-6 a header within"),
    pytest.param(mixed(b"\r\na", kind=b"signed", after=CAFE), "must not change", id="DWN-6 an epilogue"),
    pytest.param(mixed(RFC822 + b"\r\n\r\n" + CAFE, kind=b"signed"), "must not change", id="DWN-6 deep within"),
    pytest.param(mixed(b"\r\n" + b"x" * 999, kind=b"signed"), "must not change", id="DWN-6 a long line"),
    pytest.param(
        mixed(b"Content-Type: message/partial\r\n\r\n" + CAFE), "encoded", id="TV-DWN-6 DWN-4 message/partial"
    ),
    pytest.param(
        mixed(b"Content-Type: message/external-body\r\n\r\nA: b\r\n\r\n" + CAFE),
        "must not change",
        id="DWN-4 external-body",
    ),
    pytest.param(mixed(b"Content-Type: message/delivery-status\r\n\r\n" + CAFE), "encoded", id="DWN-2 delivery-status"),
    pytest.param(mixed(BASE64 + CAFE), r"^part 1 \(text/plain, base64\): it is not base64", id="DWN-11 false base64"),
    pytest.param(mixed(BASE64 + b"w6k=\xc3\xa9w6k="), "not base64", id="DWN-11 base64 behind its end"),
    pytest.param(mixed(QP + CAFE + b"\n"), "must not change", id="DWN-11 a bare LF in quoted-printable"),
    pytest.param(mixed(mixed(QP + CAFE, kind=b"signed", to=b"in")), "part 1.1 .* within part 1", id="DWN-6 signed"),
    pytest.param(mixed(RFC822 + QP + CAFE), "part 1 .message/rfc822, quoted-printable", id="DWN-3 an encoded one"),
    pytest.param(
        mixed(CTE + b"uuencode\r\n\r\n" + CAFE), "part 1 .text/plain, uuencode. must", id="DWN-11 outside the standard"
    ),
    pytest.param(mixed(CTE + b"quoted printable\r\n\r\n" + CAFE), "quoted printable. must", id="DWN-11 a slip"),
    pytest.param(mixed(CTE + b"8bit" * 99 + b"\r\n\r\n" + CAFE), "(8bit){9}8bi. must", id="DWN-11 a label without end"),
    pytest.param(mixed(CTE + b"x-uuencode\r\n\r\n" + CAFE), "must not change", id="DWN-11 unknown encoding"),
    pytest.param(
        mixed(mixed(b"\r\n" + CAFE, label=b"base64", to=b"in").replace(b"--in", b"--on")),
        "part 1 .multipart/mixed, base64. must not change",
        id="DWN-2 an encoded container that nobody has divided",
    ),
    pytest.param(mixed(RFC822 + BASE64 + CAFE), "must not change", id="DWN-3 an encoded message"),
    pytest.param(mixed(CTE + b"8bit\r\n" + QP + CAFE), "malformed must not change", id="two encodings"),
    pytest.param(mixed(b"Content-Type: a/b\r\nContent-Type: a/c\r\n\r\n" + CAFE), "must not change", id="two types"),
    pytest.param(mixed(b"Content-Type: text\r\n\r\n" + CAFE), "must not change", id="no type"),
    pytest.param(mixed(b"what is this\r\n\r\n" + CAFE), "must not change", id="no header"),
    pytest.param(mixed(b"\r\n" + CAFE).replace(b'"b b"', b"b b"), "must not change", id="no boundary"),
    pytest.param(mixed(before=CAFE + b"\r\n"), "cannot be encoded", id="DWN-13 a preamble before nothing"),
    pytest.param(mixed(after=CAFE + b"\r\n"), "no parts", id="DWN-13 an epilogue after nothing"),
    pytest.param(mixed(b"\r\n" + CAFE).replace(b"--b b", b"--b c"), "cannot be encoded", id="DWN-13 another boundary"),
    pytest.param(
        mixed(b"\r\na").replace(b"--b b\r", b"--b b" + b" " * 998 + b"\r"), "delimiter", id="padding without end"
    ),
    pytest.param(
        b"To: <\xc3\xa9@b>\r\n\r\n", "^the header field To of the message: it has an address", id="DWN-12 EAI-15"
    ),
    pytest.param(
        mixed(b"", mixed(b"", RFC822 + b"\r\nDate: \xc3\xa9\r\n\r\n", to=b"in")),
        "^the header field Date of the message in part 2.2: ",
        id="DWN-12 deep within",
    ),
    pytest.param(b"A: " + b"x" * 998 + b"\r\n\r\n", "cannot be folded", id="LIM-5 a field without a place to fold"),
    pytest.param(b"A: b\nc\r\n\r\n", "a bare CR or LF", id="SMG-2 a bare LF in the header"),
    pytest.param(b"A: b\0c\r\n\r\n", "NUL", id="DAT-6 NUL in the header"),
    pytest.param(b"x" * 999 + b"\r\n\r\n", "a line that is no header field", id="a long line that is no field"),
    pytest.param(nested(MAX_DEPTH, CAFE), "too many parts", id="too deep"),
    pytest.param(mixed(*[b""] * MAX_PARTS), "too many parts", id="too many"),
    pytest.param(
        mixed(*[b"A: b\r\n" * 40_000] * (MAX_HEADERS // 240_000 + 1)),
        "headers are too long",
        id="too many headers",
        marks=pytest.mark.slow,
    ),
    pytest.param(b"A: b\r\n" * (MAX_HEADER // 6 + 1), "header is too long", id="header without end"),
    pytest.param(b"x" * (MAX_HEADER + 1), "header is too long", id="header line without end"),
]


@pytest.mark.parametrize(("message", "reason"), REFUSED)
def test_cannot_convert(message: bytes, reason: str) -> None:
    with pytest.raises(CannotConvert, match=reason) as caught:
        converted(seven_bit, message)
    assert caught.value.reason == str(caught.value)


def test_limits() -> None:
    assert is_seven_bit(converted(seven_bit, nested(MAX_DEPTH - 1, CAFE)))
    assert is_seven_bit(converted(seven_bit, mixed(*[b"\r\n" + CAFE] * (MAX_PARTS - 1))))


@pytest.mark.parametrize(
    ("message", "needs"),
    [
        pytest.param(b"A: b\r\n\r\n" + CAFE, False, id="EAI-10 only the body"),
        pytest.param(b"A: \xc3\xa9\r\n\r\n", True, id="EAI-10 the header"),
        pytest.param(b"A: \xe9\r\n\r\n", True, id="EAI-13 no octet above 127 may go"),
        pytest.param(mixed(b"A: b\r\n\r\n" + CAFE, before=CAFE + b"\r\n"), False, id="EAI-10 only parts and preamble"),
        pytest.param(mixed(b"\r\na", b"A: \xc3\xa9\r\n\r\n"), True, id="EAI-10 the header of a part"),
        pytest.param(mixed(b"A: \xc3\xa9\r\n\r\n", kind=b"signed"), True, id="EAI-10 what is signed"),
        pytest.param(mixed(b"A: \xc3\xa9\r\n\r\n", label=b"x"), True, id="EAI-10 an unknown encoding"),
        pytest.param(mixed(RFC822 + b"\r\nA: \xc3\xa9\r\n\r\n"), True, id="EAI-10 a message within"),
        pytest.param(mixed(RFC822 + b"\r\nA: b\r\n\r\n" + CAFE), False, id="EAI-10 the body of a message within"),
        pytest.param(mixed(b"Content-Type: message/global\r\n\r\nA: \xc3\xa9\r\n"), True, id="EAI-18 message/global"),
        pytest.param(mixed(b"Content-Type: message/global\r\n" + BASE64 + b"w6k="), False, id="EAI-18 encoded"),
        pytest.param(b"no header\r\n\r\n" + CAFE, True, id="nobody knows"),
        pytest.param(nested(MAX_DEPTH, CAFE), True, id="too deep to know"),
        pytest.param(nested(MAX_DEPTH, b"plain"), False, id="nothing above 127"),
    ],
)
def test_headers_need_smtputf8(message: bytes, needs: bool) -> None:
    source = spooled(message)
    assert headers_need_smtputf8(source) is needs
    source.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "octets", "megabytes"),
    [
        pytest.param(b"image/png", b"\xff\0\r\n", 30, id="base64"),
        pytest.param(b"text/plain", b"x", 30, id="quoted-printable of one line"),
        pytest.param(b"text/plain", b"\xc3\xa9 text \r\n", 8, id="quoted-printable of many lines"),
    ],
)
def test_large(kind: bytes, octets: bytes, megabytes: int, tmp_path: Path) -> None:
    """Large messages are converted in less than 5 MB of memory."""
    source = MessageBody(str(tmp_path))
    source.append(mixed(b"Content-Type: " + kind + b"\r\n\r\n", label=b"binary").removesuffix(b"\r\n--b b--\r\n"))
    content = octets * (1_000_000 // len(octets))
    for _ in range(megabytes):
        source.append(content)
    source.append(b"\r\n--b b--\r\n")
    tracemalloc.start()
    result = seven_bit(source, str(tmp_path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
    assert result.size > megabytes * 1_000_000
    assert not (result.has_8bit or result.has_nul or result.has_bare_line_end())
    assert max(map(len, b"".join(result.blocks()).split(b"\r\n"))) <= 76
    result.close()
    source.close()


def test_blocks_do_not_matter() -> None:
    """Delimiters, CRLFs and lines may lie on the edges of what is read at once."""
    for shift in range(65_440, 65_560):
        text = b"x" * 60 + b"\r\n"
        message = mixed(b"\r\n" + text * (shift // 62) + b"y" * (shift % 62), b"\r\n" + CAFE)
        result = converted(seven_bit, message)
        assert is_seven_bit(result)
        assert leaves(result) == leaves(message)


def test_full_directory(tmp_path: Path) -> None:
    """The result is closed when there is no room for it."""
    source = spooled(TEXT + b"\r\n" + CAFE * MEMORY_LIMIT)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        seven_bit(source, str(tmp_path / "gone"))
    assert len(os.listdir("/proc/self/fd")) == before
    source.close()


@pytest.mark.parametrize("size", [100, MEMORY_LIMIT + 100])
def test_reading_from_an_offset(size: int) -> None:
    """It leaves appending and reading from the start where they were."""
    octets = bytes(range(256)) * (size // 256 + 1)
    body = spooled(octets)
    blocks = body.blocks()
    first = next(blocks)
    assert body.read(7, 5) == octets[7:12]
    assert body.read(len(octets) - 2, 5) == octets[-2:]
    assert body.read(len(octets), 5) == b""
    assert first + b"".join(blocks) == octets
    body.append(b"end")
    assert body.read(len(octets) - 1, 5) == octets[-1:] + b"end"
    body.close()
