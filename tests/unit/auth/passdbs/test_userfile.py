"""A file of users: its lines, and reading it again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gsubmit.auth.passdbs.userfile import LOOK_INTERVAL, MAX_COMPLAINTS, UNFINISHED, Entry, UserFile
from tests.harness.clock import Clock, clock_of

HASH = "$6$salt$hashhashhash"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return clock_of(monkeypatch, "auth.passdbs.userfile")


def found(path: Path, octets: bytes, user: str) -> Entry | None:
    path.write_bytes(octets)
    return UserFile(str(path), may_vanish=False).find(user)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(f"tim:{HASH}", Entry(HASH, {}), id="two fields"),
        pytest.param(
            f"tim:{HASH}:1000:1000:Tim:/home/tim:/bin/sh", Entry(HASH, {}), id="seven fields, as in passwd(5)"
        ),
        pytest.param(f"tim:{HASH}::::::", Entry(HASH, {}), id="no extra fields"),
        pytest.param("tim:", Entry("", {}), id="empty password"),
        pytest.param("tim::::::::nopassword", Entry("", {":nopassword": "yes"}), id="one colon too many"),
        pytest.param("tim:::::::nopassword", Entry("", {"nopassword": "yes"}), id="field without a value"),
        pytest.param(
            "tim:x::::::proxy host=10.0.0.1  port=1587",
            Entry("x", {"proxy": "yes", "host": "10.0.0.1", "port": "1587"}),
            id="extra fields",
        ),
        pytest.param(
            "tim:x::::::host=fe80::1 a=b=c e=", Entry("x", {"host": "fe80::1", "a": "b=c", "e": ""}), id="colon and ="
        ),
        pytest.param("tim:x::::::userdb_home=/h userdb_x a=b", Entry("x", {"a": "b"}), id="userdb_ ignored"),
        pytest.param("tim:x\r", Entry("x", {}), id="CRLF"),
        pytest.param("tim:{PLAIN}a[13]", Entry("{PLAIN}a[13]", {}), id="scheme, so brackets are content"),
        pytest.param("tim:$1$a$b[13]", Entry("$1$a$b[13]", {}), id="crypt, so brackets are content"),
        pytest.param("tim:JBOZ0DgmtucwE[13]", Entry("{CRYPT}JBOZ0DgmtucwE", {}), id="[13]"),
        pytest.param("tim:aa[34]:1:1", Entry("{PLAIN-MD5}aa", {}), id="[34]"),
        pytest.param(f"tim:{'a' * 32}[56]", Entry(f"{{DIGEST-MD5}}{'a' * 32}", {}), id="[56]"),
        pytest.param("tim:aa[56]", Entry("aa[56]", {}), id="[56] of another length"),
        pytest.param("tim:aa[12]", Entry("aa[12]", {}), id="another number"),
        pytest.param("tim:[13]", Entry("[13]", {}), id="nothing before the number"),
        pytest.param("tim", Entry("", {}), id="name only, as in a deny list"),
        pytest.param("tim\r", Entry("", {}), id="name only, CRLF"),
    ],
)
def test_line(path: Path, line: str, expected: Entry) -> None:
    assert found(path, f"{line}\n".encode(), "tim") == expected


def test_several_lines_and_no_newline_at_the_end(path: Path) -> None:
    octets = b"# users\n\n   \n:nobody:x\n#tim:no\ntom:1\ntim:2"
    file_found = [found(path, octets, user) for user in ("tom", "tim", "", "#tim", "jim")]
    assert file_found == [Entry("1", {}), Entry("2", {}), None, None, None]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        pytest.param(b"tim:second", "user exists more than once, the first line counts", id="duplicate"),
        pytest.param(b"tom\xe9:x", "not UTF-8", id="Latin-1 in a name"),
        pytest.param(b"tom:x::::::a=caf\xe9", "not UTF-8", id="Latin-1 in an extra field"),
    ],
)
def test_bad_line(path: Path, line: bytes, complaint: str, caplog: pytest.LogCaptureFixture) -> None:
    octets = b"tim:first\n\n" + line + b"\njim:third\n"
    assert found(path, octets, "tim") == Entry("first", {})
    assert found(path, octets, "tom") is None
    assert found(path, octets, "jim") == Entry("third", {})
    assert set(caplog.messages) == {f"{path}:3: {complaint}"}


@pytest.mark.parametrize(
    ("rest", "password"),
    [
        pytest.param(b"{PLAIN}caf\xe9", "{PLAIN}caf\udce9", id="in a password"),
        pytest.param(b"x:::Andr\xe9 M:/home/\xe9::a=1", "x", id="in gecos and home"),
    ],
)
def test_octets_that_are_not_utf8(path: Path, rest: bytes, password: str, caplog: pytest.LogCaptureFixture) -> None:
    entry = found(path, b"tim:" + rest + b"\n", "tim")
    assert entry is not None and entry.password == password
    assert caplog.messages == []


def test_complaints_are_bounded_and_once_per_read(path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text("same:x\n" * 101)
    file = UserFile(str(path), may_vanish=False)
    file.find("tim")
    clock.now += 10
    file.find("tim")
    assert len(caplog.messages) == MAX_COMPLAINTS + 1
    assert caplog.messages[-1] == f"{path}: {100 - MAX_COMPLAINTS} more bad lines"


def test_read_again_when_changed_but_not_looked_at_more_than_once_a_second(path: Path, clock: Clock) -> None:
    path.write_text("tim:one\n")
    file = UserFile(str(path), may_vanish=False)
    assert file.find("tim") == Entry("one", {})
    path.write_text("tim:three\n")
    clock.now += 0.9
    assert file.find("tim") == Entry("one", {})
    for entry in ("one", "three"):  # the second look finds that nobody writes any more
        clock.now += 1
        assert file.find("tim") == Entry(entry, {})


WHOLE = "tim:one::::::allow_nets=192.0.2.0/24\ntom:two\n"


class TestWrittenInPlace:
    """Half a file is never used: the rest of an entry may keep its user out."""

    @pytest.fixture
    def file(self, path: Path, clock: Clock) -> UserFile:
        path.write_text(WHOLE)
        file = UserFile(str(path), may_vanish=False)
        file.find("tim")
        return file

    @pytest.mark.parametrize("cut", range(len(WHOLE)))
    def test_cut_anywhere(self, path: Path, clock: Clock, file: UserFile, cut: int) -> None:
        before = file.find("tim")
        path.write_text(WHOLE[:cut])
        clock.now += 1
        assert file.find("tim") == before
        clock.now += 1
        if WHOLE[:cut].endswith("\n"):
            path.write_text(WHOLE[:cut] + "x")
        assert file.find("tim") == before
        path.write_text(WHOLE.replace("two", "three"))
        for _ in range(2):
            clock.now += 1
            assert file.find("tim") == before
        assert file.find("tom") == Entry("three", {})

    def test_each_write_is_waited_for(self, path: Path, clock: Clock, file: UserFile) -> None:
        for number in range(5):
            path.write_text(f"tom:{number}\n" * (number + 1))
            clock.now += 1
            assert file.find("tom") == Entry("two", {})
        clock.now += 1
        assert file.find("tom") == Entry("4", {})

    @pytest.mark.parametrize("text", ["", "tom:new", "tom:new\ntim:new"])
    def test_a_file_without_an_end_is_taken_in_the_end(
        self, path: Path, clock: Clock, file: UserFile, text: str
    ) -> None:
        path.write_text(text)
        for _ in range(int(UNFINISHED / LOOK_INTERVAL)):
            clock.now += LOOK_INTERVAL
            assert file.find("tom") == Entry("two", {})
        clock.now += LOOK_INTERVAL
        assert file.find("tom") == (Entry("new", {}) if text else None)

    @pytest.mark.parametrize(("text", "entry"), [("tim:new\n", "new"), ("tim:ne", "one"), ("", "one")])
    def test_renamed(self, path: Path, clock: Clock, text: str, entry: str) -> None:
        """A whole file that takes the place of the old one is used at once."""
        path.write_text("tim:one\n")
        file = UserFile(str(path), may_vanish=False)
        file.find("tim")
        other = path.with_name("other")
        other.write_text(text)
        other.rename(path)
        clock.now += 1
        assert file.find("tim") == Entry(entry, {})

    def test_back_to_what_it_was(self, path: Path, clock: Clock, file: UserFile) -> None:
        status = path.stat()
        path.write_text("")
        clock.now += 1
        file.find("tim")
        path.write_text(WHOLE)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        clock.now += 1
        assert file.find("tom") == Entry("two", {})
        path.write_text("")
        for _ in range(int(UNFINISHED / LOOK_INTERVAL)):
            clock.now += 1
            assert file.find("tom") == Entry("two", {})


def test_change_of_inode_is_enough(path: Path, clock: Clock) -> None:
    path.write_text("tim:one\n")
    file = UserFile(str(path), may_vanish=False)
    file.find("tim")
    status = path.stat()
    other = path.with_name("other")
    other.write_text("tim:two\n")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.rename(path)
    clock.now += 1
    assert file.find("tim") == Entry("two", {})


def test_old_content_stays_when_it_cannot_be_read_again(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("tim:one\n")
    file = UserFile(str(path), may_vanish=False)
    file.find("tim")
    path.unlink()
    for _ in range(3):
        clock.now += 1
        assert file.find("tim") == Entry("one", {})
    assert len(caplog.messages) == 1
    path.write_text("tim:two\n")
    for _ in range(2):
        clock.now += 1
        file.find("tim")
    assert file.find("tim") == Entry("two", {})


def test_a_file_that_may_vanish_loses_its_users(path: Path, clock: Clock) -> None:
    path.write_text("tim:one\n")
    file = UserFile(str(path), may_vanish=True)
    file.find("tim")
    path.unlink()
    clock.now += 1
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            file.find("tim")


def test_never_read_is_tried_each_time(path: Path, clock: Clock) -> None:
    file = UserFile(str(path), may_vanish=False)
    with pytest.raises(FileNotFoundError):
        file.find("tim")
    path.write_text("tim:one\n")
    assert file.find("tim") == Entry("one", {})


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_not_a_file(path: Path, kind: str) -> None:
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        UserFile(str(path), may_vanish=False).find("tim")


def test_sample(path: Path) -> None:
    path.write_text("a:\nb:!\nc:*\nd:{PLAIN}x:1:1\ne:y\n")
    file = UserFile(str(path), may_vanish=False)
    file.find("a")
    assert file.sample == "{PLAIN}x"


def test_sample_is_one_that_is_compared(path: Path) -> None:
    path.write_text("a:bad\nb:{PLAIN}x\n")
    file = UserFile(str(path), may_vanish=False, is_usable=lambda stored: stored != "bad")
    file.find("a")
    assert file.sample == "{PLAIN}x"


def test_sample_in_the_older_form(path: Path) -> None:
    path.write_text("a:aa[34]\n")
    file = UserFile(str(path), may_vanish=False)
    file.find("a")
    assert file.sample == "{PLAIN-MD5}aa"


def test_entry_is_not_shown() -> None:
    assert "hash" not in repr(Entry.parse(f"{HASH}::::::master_hash=hash"))
