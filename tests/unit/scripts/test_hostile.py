"""Whatever a message is made of, a script that looks at all of it ends, with a result or an error of its own."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.message.fields import split_header
from gsubmit.scripts.mail import DraftMail
from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.mail import World
from gsubmit.sieve.script import compile_script
from tests.unit.scripts.messages import draft_of, octets_of

SCRIPT = """
require ["body", "mime", "foreverypart", "extracttext", "variables", "editheader", "date", "index", "relational", "subaddress",
  "comparator-i;ascii-numeric", "comparator-i;unicode-casemap", "duplicate", "imap4flags", "fileinto", "copy", "envelope",
  "vnd.dovecot.debug"];
if header :matches ["Subject", "X-A", "From"] "*a*" { set "subject" "${1}"; }
if header :contains :comparator "i;unicode-casemap" "Subject" "Ä" { addflag "${subject}"; }
if address :matches :localpart ["From", "To", "Cc"] "*" { set "local" "${1}"; }
if address :detail :count "ge" :comparator "i;ascii-numeric" ["From", "To"] "2" { keep; }
if address :all :contains ["From", "To"] "x" { keep; }
if date :index 1 :originalzone :value "gt" "Date" "year" "1990" { keep; }
if body :contains ["hello", "QUJD"] { addflag "body"; }
if body :raw :contains "hello" { addflag "raw"; }
if body :content ["", "text", "multipart", "message/rfc822"] :matches "*hello*" { set "text" "${1}"; }
if header :mime :anychild :param "charset" :contains "Content-Type" "utf" { addflag "utf"; }
if header :mime :type :is "Content-Type" "text" { addflag "text"; }
if exists :mime :anychild "Content-Disposition" { addflag "disposition"; }
if duplicate :header "Subject" { keep; }
foreverypart {
  if header :mime :subtype :matches "Content-Type" "*" { set "type" "${1}"; }
  extracttext :first 100 "extract";
  foreverypart { if body :contains "x" { addflag "inner"; } }
}
debug_log "${subject} ${local} ${text} ${type} ${extract}";
addheader "X-Subject" "${subject}";
addheader :last "X-Text" "${extract}";
deleteheader :index 1 :contains "Subject" "a";
deleteheader :matches "To" "*x*";
if size :over 100 { addflag "large"; }
"""
PIECES = st.sampled_from([
    b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"\0", b"--b", b"--b--", b"=", b"=3D", b"QUJD", b"\xff", b"\xc3\xa4", b" ", b":", b";",
    b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\r\n", b"Content-Type: ; =\"\\\r\n",
    b"Content-Type: text/html; charset=", b"utf-8", b"utf-16", b"punycode", b"name*0*=x'y'%FF; name*1=", b"<head ", b"&#x;",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Disposition: attachment; filename*=", b"Subject: a =?utf-8?b?",
    b"?=", b"From: ", b"To: ", b"Date: Fri, 27 Nov 2026 15:00:00 +9999\r\n", b"Date: 1 Jan 99999 99:99\r\n", b"<a@b>, ", b"(",
    b"\"", b"a+b@c", b"hello", b"--b\r\n\r\n", b"x-a: a\r\n",
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=4), max_size=40).map(b"".join), st.booleans())
def test_no_message_breaks_a_script(octets: bytes, is_utf8: bool) -> None:
    draft = draft_of(octets)
    before = len(split_header(draft.head()))
    script = compile_script(SCRIPT, "hostile")
    with suppress(SieveError):
        script.run(DraftMail(draft, is_utf8=is_utf8), World("a@b", ["c@d"], "a"))
        fields = draft.fields
        assert before - 2 <= len(fields) <= before + 2
        assert octets_of(draft).startswith(b"".join(field.octets for field in fields))


HEADER = 250 * 1024
MULTIPART = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "message",
    [
        *[
            pytest.param(b"%s: x" % name + piece * (HEADER // len(piece)) + b"\r\n\r\nx", id=f"{name!r} {piece!r}")
            for name, pieces in {
                b"Subject": (b" =?a?q?b?=", b"=?", b"(=?aaa", b" =?punycode?q?a-?=", b"\xff"),
                b"From": (b"a@b,", b"(", b'"', b"<", b"@", b'"\\', b"a:", b" ", b"=?a?q?b?="),
                b"Content-Type": (b';a="\\', b";a*0*=x", b"(", b";a=", b"a/"),
                b"Date": (b"(", b" ", b"1", b"1 Jan ", b":"),
            }.items()
            for piece in pieces
        ],
        pytest.param(b"x-a:\r\n" * (HEADER // 6) + b"\r\n", id="fields"),
        pytest.param(MULTIPART + b"--b\r\nContent-Type: text/html\r\n\r\n<head \r\n" * 999, id="parts"),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"<head " * 200_000, id="tags"),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"&" * 1_000_000, id="entities"),
        pytest.param(
            b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(49)),
            id="nested",
        ),
    ],
)
def test_no_message_takes_long(message: bytes) -> None:
    script = compile_script(SCRIPT, "hostile")
    began = time.process_time()
    with suppress(SieveError):
        script.run(DraftMail(draft_of(message)), World("a@b", ["c@d"], "a"))
    assert time.process_time() - began < 20
