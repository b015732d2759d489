"""The control socket: requests and answers, and clients that do it wrong or do nothing."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import gevent
import pytest

from gsubmit.watch import control
from gsubmit.watch.client import NoAnswer, ask
from gsubmit.watch.lines import MAX_LINE
from tests.unit.watch.asking import connected, controlled, heard, until


def test_an_answer_has_its_objects_in_order(tmp_path: Path) -> None:
    with controlled(tmp_path):
        assert ask(str(tmp_path), {"command": "count"}) == [{"number": number} for number in range(3)]


def test_a_long_answer_comes_whole(tmp_path: Path) -> None:
    with controlled(tmp_path):
        answer = ask(str(tmp_path), {"command": "count", "up_to": 20_000})
    assert [one["number"] for one in answer] == list(range(20_000))


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        pytest.param({"command": "refuse"}, "not today", id="the command says why"),
        pytest.param({"command": "fail"}, "internal error, see the log", id="the command is broken"),
        pytest.param({"command": "dance"}, "unknown command 'dance'; there are count, fail, refuse", id="unknown"),
        pytest.param({"command": ["count"]}, r"unknown command \['count'\]; .*", id="no text"),
        pytest.param({}, "unknown command None; .*", id="none"),
        pytest.param({"worker": 1, "pid": 2}, "unknown command None; .*", id="a worker where there are none"),
    ],
)
def test_errors_are_said(tmp_path: Path, request_: dict[str, object], why: str) -> None:
    with controlled(tmp_path), pytest.raises(NoAnswer, match=f"^{why}$"):
        ask(str(tmp_path), request_)


def test_the_text_of_an_exception_is_for_the_log_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with controlled(tmp_path), pytest.raises(NoAnswer):
        ask(str(tmp_path), {"command": "fail"})
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param(b"who\n", "no JSON", id="words"),
        pytest.param(b"\n", "no JSON", id="an empty line"),
        pytest.param(b"[1]\n", "no JSON object", id="a list"),
        pytest.param(b"\xff\xfe\n", "no JSON", id="octets"),
        pytest.param(b"[" * 60_000 + b"\n", "no JSON", id="deep"),
        pytest.param(b"1" * 60_000 + b"\n", "no JSON", id="a huge number"),
    ],
)
def test_a_bad_line_is_an_error_and_the_next_is_read(tmp_path: Path, line: bytes, why: str) -> None:
    with controlled(tmp_path), connected(tmp_path) as sock:
        sock.sendall(line + b'{"command": "count", "up_to": 1}\n')
        sock.shutdown(socket.SHUT_WR)
        assert heard(sock) == [{"error": why}, {"number": 0}, {"end": True}]


def test_a_line_without_an_end_is_not_kept(tmp_path: Path) -> None:
    with controlled(tmp_path), connected(tmp_path) as sock:
        sock.sendall(b" " * (MAX_LINE + 1))
        assert heard(sock) == [{"error": f"a line of more than {MAX_LINE} octets"}]


def test_requests_may_come_octet_by_octet_and_together(tmp_path: Path) -> None:
    with controlled(tmp_path), connected(tmp_path) as sock:
        line = json.dumps({"command": "count", "up_to": 1}).encode() + b"\n"
        for octet in line:
            sock.sendall(bytes([octet]))
        sock.sendall(line + line + line[:10])  # what has no end is no request
        sock.shutdown(socket.SHUT_WR)
        assert heard(sock) == [{"number": 0}, {"end": True}] * 3


def test_who_goes_in_the_middle_of_an_answer_hurts_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with controlled(tmp_path):
        for _ in range(20):
            with connected(tmp_path) as sock:
                sock.sendall(b'{"command": "count", "up_to": 50000}\n')
                sock.recv(10)
        assert len(ask(str(tmp_path), {"command": "count"})) == 3
    assert not caplog.records


def test_who_reads_nothing_is_left_and_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.watch.lines.SEND_TIME", 0.2)
    with controlled(tmp_path), connected(tmp_path) as sock:
        sock.sendall(b'{"command": "count", "up_to": 1000000}\n')
        assert len(ask(str(tmp_path), {"command": "count"})) == 3
        until(lambda: has_gone(sock))


def has_gone(sock: socket.socket) -> bool:
    """Whether the other side has closed the connection, of which nothing has been read."""
    try:
        sock.send(b" ")
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


def test_who_says_nothing_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "IDLE_TIME", 0.1)
    with controlled(tmp_path), connected(tmp_path) as sock:
        sock.sendall(b'{"command"')
        assert heard(sock) == []


def test_only_so_many_ask_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CLIENTS", 1)
    with controlled(tmp_path):
        with connected(tmp_path) as sock:
            sock.sendall(b'{"command": "count"}\n')
            sock.recv(10)
            with pytest.raises(NoAnswer, match="too many ask at the same time"):
                ask(str(tmp_path), {"command": "count"})
        gevent.sleep(0.05)
        assert len(ask(str(tmp_path), {"command": "count"})) == 3


def test_the_end_of_the_server_is_the_end_of_all_connections(tmp_path: Path) -> None:
    with controlled(tmp_path) as served, connected(tmp_path) as sock:
        sock.sendall(b'{"command": "count", "up_to": 0}\n')
        assert sock.recv(1000) == b'{"end": true}\n'
        served.close()
        assert heard(sock) == []


def test_commands_run_side_by_side(tmp_path: Path) -> None:
    def slow(_: object) -> list[dict[str, object]]:
        gevent.sleep(0.3)
        return [{"slow": True}]

    with controlled(tmp_path, {"slow": slow}):
        asking = [gevent.spawn(ask, str(tmp_path), {"command": "slow"}) for _ in range(5)]
        with gevent.Timeout(1):
            gevent.joinall(asking)
        assert [greenlet.value for greenlet in asking] == [[{"slow": True}]] * 5


def test_the_client_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base_dir = str(tmp_path / "run")
    with pytest.raises(NoAnswer, match=f"^no server runs with base_dir = {base_dir}: there is no {base_dir}/control$"):
        ask(base_dir, {"command": "count"})
    monkeypatch.setattr("gsubmit.watch.client.ANSWER_TIME", 0.2)
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{base_dir}/control")
        with pytest.raises(NoAnswer, match=f"^no server runs with base_dir = {base_dir} any more: nobody answers at"):
            ask(base_dir, {"command": "count"})
        silent.listen()
        with pytest.raises(NoAnswer, match=f"^the server does not answer at {base_dir}/control in"):
            ask(base_dir, {"command": "count"})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(b"220 ready\r\n", "answers with no JSON: is that gsubmit", id="another server"),
        pytest.param(b'{"number": 0}\n', "the server has ended before its answer was complete", id="half an answer"),
        pytest.param(b"", "the server has ended before its answer was complete", id="no answer"),
    ],
)
def test_the_client_takes_whole_answers_only(tmp_path: Path, said: bytes, why: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control"))
        server.listen()

        def serve() -> None:
            sock, _ = server.accept()
            sock.recv(1000)
            sock.sendall(said)
            sock.close()

        serving = gevent.spawn(serve)
        with pytest.raises(NoAnswer, match=why):
            ask(str(tmp_path), {"command": "count"})
        until(lambda: serving.dead)
