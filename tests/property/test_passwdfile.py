"""Whatever stands in a passwd-file, a login ends in an identity or a refusal, and good lines stay usable."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.passdb import Unavailable
from gsubmit.auth.passdbs.passwdfile import PasswdFile
from gsubmit.auth.passdbs.userfile import NUMBERED_SCHEMES, Entry
from gsubmit.sasl.claims import Account, Admitted, Claim, Cleartext, Denied, Identity, KeysWanted, Proven, Verdict
from tests.unit.auth.answering import ORIGIN, chain, proven

WORDS = ["tim", "secret", "QUJD", "{PLAIN}", "{CRYPT}", "{SHA256.hex}", "{SSHA}", "[13]", "nopassword", "userdb_"]
HASHES = ["$2y$04$", "$6$", "$1$", "$argon2id$"]
PIECES = st.sampled_from([*WORDS, *HASHES, *":#{}=!* \0é\u2028\x0b\n", "\r\n"])
TEXT = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode()))
NAMES = st.one_of(st.sampled_from(["tim", "secret", "tim@x"]), st.text(min_size=1, max_size=20))

CLAIMS = st.one_of(
    st.builds(Cleartext, NAMES, st.sampled_from(["secret", "QUJD"])),
    st.builds(Proven, NAMES),
    st.builds(KeysWanted, NAMES, scheme=st.sampled_from(["SCRAM-SHA-1", "SCRAM-SHA-256", "CRAM-MD5"])),
)


def attempt(octets: bytes, claim: Claim, args: str = "FOLDER/users") -> Verdict | Account | None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "users").write_bytes(octets)
        means = Means(VerifiedCache(0, 0), allow_weak_schemes=True)
        asked = chain(PasswdFile.from_args(args.replace("FOLDER", folder), means))
        try:
            return asked.account(claim, ORIGIN) if isinstance(claim, KeysWanted) else asked.verify(claim, ORIGIN)
        except (Denied, Unavailable):
            return None


@settings(deadline=None)
@given(TEXT, CLAIMS, st.sampled_from(["FOLDER/users", "scheme=PLAIN FOLDER/users", "username_format=%n FOLDER/%d"]))
def test_no_text_raises(octets: bytes, claim: Claim, args: str) -> None:
    attempt(octets, claim, args)


@settings(deadline=None)
@given(TEXT)
def test_good_first_line_stays_usable(octets: bytes) -> None:
    octets = b"tim:{PLAIN}secret\n" + octets
    assert attempt(octets, Cleartext("tim", "secret")) == attempt(octets, Proven("tim")) == Admitted(Identity("tim"))
    account = attempt(octets, KeysWanted("tim", scheme="CRAM-MD5"))
    assert isinstance(account, Account)
    assert proven(account) == Identity("tim")


@settings(deadline=None)
@given(NAMES)
def test_no_name_leads_out_of_the_folder(user: str) -> None:
    """The only file is above the folder that the path names."""
    line = f"{user}:{{PLAIN}}secret\n".encode("utf-8", "replace")
    for path in ("FOLDER/%u/users", "FOLDER/%d/users"):
        assert attempt(line, Cleartext(user, "secret"), path) is None
        assert attempt(line, Proven(user), path) is None


@given(st.text())
def test_any_line_is_an_entry(line: str) -> None:
    entry = Entry.parse(line)
    text = line.partition(":")[0]
    scheme = next((f"{{{name}}}" for name in NUMBERED_SCHEMES.values() if entry.password.startswith(f"{{{name}}}")), "")
    assert entry.password in (text, f"{scheme}{text[:-4]}")
    assert not any(key.startswith("userdb_") for key in entry.fields)
