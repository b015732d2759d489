"""Whatever stands in a passwd-file, a login ends in an identity or a refusal, and good lines stay usable."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.auth.chain import Chain
from gsubmit.auth.passdb import Denied, Identity, Unavailable
from gsubmit.auth.passwdfile import PasswdFile
from gsubmit.auth.userfile import Entry
from gsubmit.sasl.mechanism import Cleartext

WORDS = ["tim", "secret", "QUJD", "{PLAIN}", "{CRYPT}", "{SHA256.hex}", "{SSHA}", "[13]", "nopassword", "userdb_"]
HASHES = ["$2y$04$", "$6$", "$1$", "$argon2id$"]
PIECES = st.sampled_from([*WORDS, *HASHES, *":#{}=!* \0é\u2028\x0b\n", "\r\n"])
TEXT = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode()))
NAMES = st.one_of(st.sampled_from(["tim", "secret", "tim@x"]), st.text(min_size=1, max_size=20))


def attempt(octets: bytes, user: str, password: str, args: str) -> Identity | None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "users").write_bytes(octets)
        try:
            return Chain([PasswdFile.from_args(args.replace("FOLDER", folder))]).verify(Cleartext(user, "", password))
        except (Denied, Unavailable):
            return None


@settings(deadline=None)
@given(TEXT, NAMES, st.sampled_from(["FOLDER/users", "scheme=PLAIN FOLDER/users", "username_format=%n FOLDER/%d"]))
def test_no_text_raises(octets: bytes, user: str, args: str) -> None:
    attempt(octets, user, "secret", args)


@settings(deadline=None)
@given(TEXT)
def test_good_first_line_stays_usable(octets: bytes) -> None:
    assert attempt(b"tim:{PLAIN}secret\n" + octets, "tim", "secret", "FOLDER/users") == Identity("tim", {})


@settings(deadline=None)
@given(NAMES)
def test_no_name_leads_out_of_the_folder(user: str) -> None:
    """The only file is above the folder that the path names."""
    line = f"{user}:{{PLAIN}}secret\n".encode("utf-8", "replace")
    assert attempt(line, user, "secret", "FOLDER/%u/users") is None
    assert attempt(line, user, "secret", "FOLDER/%d/users") is None


@given(st.text())
def test_any_line_is_an_entry(line: str) -> None:
    entry = Entry.parse(line)
    assert entry.password == line.partition(":")[0]
    assert not any(key.startswith("userdb_") for key in entry.fields)
