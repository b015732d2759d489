"""What check-config says of submission_state, and of the server there with --dial."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gsubmit_cli.check_config import check_config
from gsubmit_cli.dial import Unusable
from gsubmit_cli.dial_state import dial_state
from redis import Redis

from gsubmit.settings.load import load_text
from tests.harness.commands import CliRunner, Result
from tests.harness.peer_process import HOST
from tests.harness.peer_redis import redis_server
from tests.harness.ports import free_port

GOOD = Path(__file__).parents[2] / "config" / "good"


def dialled(url: str, more: str = "") -> list[str]:
    return list(dial_state(load_text(f"ssl = no\nsubmission_state = {url}\n{more}").settings))


def test_a_server_of_use() -> None:
    with redis_server("--requirepass", "s3cr3t") as server:
        (line,) = dialled(f"redis://:s3cr3t@{HOST}:{server.port}")
        assert line.startswith(f"redis://:<hidden>@{HOST}:{server.port}/0 is Redis ")
        assert all(0 < server_time <= 30 * 86400 for server_time in times(server.port))
        with pytest.raises(Unusable, match=r"redis://:<hidden>@.*: .*invalid username-password pair"):
            dialled(f"redis://:s3cr3t-wrong@{HOST}:{server.port}")
        with pytest.raises(Unusable, match="Authentication required"):
            dialled(f"redis://{HOST}:{server.port}")
        with pytest.raises(Unusable, match=r"WRONG_VERSION_NUMBER|closed|EOF|reset|Timeout"):
            dialled(f"rediss://{HOST}:{server.port}")


def times(port: int) -> list[int]:
    """Seconds for which each key is kept."""
    client: Redis = Redis(HOST, port, password="s3cr3t")
    return [client.ttl(key) for key in client.scan_iter()]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # redis 4 forgets a socket
def test_nobody_there() -> None:
    port = free_port()
    with pytest.raises(Unusable, match=f"submission_state redis://{HOST}:{port}/0: .*refused"):
        dialled(f"redis://{HOST}:{port}")
    with pytest.raises(Unusable, match=r"submission_state unix:///run/no\.sock: .*No such file"):
        dialled("unix:///run/no.sock")


def test_none_named() -> None:
    assert dialled("") == []


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_bytes((GOOD / name).read_bytes())
    text = (GOOD / "least.conf").read_text().replace("/etc/gsubmit/users", f"{tmp_path}/users")
    (tmp_path / "users").write_text("tim:{PLAIN}x\n")
    url = f"redis://me:s3cr3t@{HOST}:{free_port()}/1"
    (tmp_path / "least.conf").write_text(f"{text}hostname = msa.example.org\nsubmission_state = {url}\n")
    return tmp_path / "least.conf"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(check_config, [str(argument) for argument in arguments])


def test_nobody_reads_the_password(configuration: Path) -> None:
    plain, changed, as_json, dial = (
        run("-c", configuration, *more) for more in ((), ("-n",), ("--json",), ("--dial",))
    )
    assert "\n  state      redis://me:<hidden>@127.0.0.1:" in plain.stdout
    assert "\nsubmission_state = redis://me:<hidden>@127.0.0.1:" in changed.stdout
    assert json.loads(as_json.stdout)["summary"]["state"][0].startswith("redis://me:<hidden>@")
    assert "submission_state redis://me:<hidden>@127.0.0.1:" in dial.stderr
    assert dial.exit_code == 1
    assert all("s3cr3t" not in result.output for result in (plain, changed, as_json, dial))


def test_certificates_that_cannot_be_read(configuration: Path) -> None:
    text = configuration.read_text().replace("redis://", "rediss://")
    configuration.write_text(f"{text}ssl_client_ca_file = /nowhere\n")
    result = run("-c", configuration)
    assert result.exit_code == 1
    assert "cannot use the CA certificates in /nowhere" in result.output
