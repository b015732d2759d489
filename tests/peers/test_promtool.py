"""Prometheus's own tool reads our alerts, and says when they are raised."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.harness.peer_process import program
from tests.harness.peer_root import UNPACKED

ALERTS = Path(__file__).parents[2] / "contrib" / "prometheus-alerts.yml"


@pytest.fixture(scope="module")
def promtool() -> str:
    unpacked = UNPACKED / "prometheus" / "usr" / "bin" / "promtool"
    return str(unpacked) if unpacked.exists() else program("promtool")


def test_the_alerts_are_rules(promtool: str) -> None:
    done = subprocess.run([promtool, "check", "rules", ALERTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "SUCCESS: 10 rules found" in done.stdout


RELAY_UP = 'gsubmit_relay_latency_seconds_count{step="message",instance="a"}'
RELAY_DOWN = 'gsubmit_relay_connect_failures_total{instance="a"}'
REFUSED = 'gsubmit_messages_total{result="relay_5xx",instance="a"}'
ACCEPTED = 'gsubmit_messages_total{result="accepted",instance="a"}'
FAILED = 'gsubmit_logins_total{mechanism="PLAIN",result="%s",instance="a"}'
SLOW = 'gsubmit_relay_latency_seconds_bucket{step="message",instance="a",le="%s"}'


@pytest.mark.parametrize(
    ("alert", "series", "is_raised"),
    [
        pytest.param("GsubmitDown", {'up{job="gsubmit",instance="a"}': "0x40"}, True, id="down"),
        pytest.param("GsubmitDown", {'up{job="gsubmit",instance="a"}': "1x40"}, False, id="up"),
        pytest.param("GsubmitRelayUnreachable", {RELAY_DOWN: "0+1x40", RELAY_UP: "5x40"}, True, id="no relay"),
        pytest.param("GsubmitRelayUnreachable", {RELAY_DOWN: "0+1x40", RELAY_UP: "5+1x40"}, False, id="one of two addresses"),
        pytest.param("GsubmitRelayUnreachable", {RELAY_DOWN: "3x40", RELAY_UP: "5x40"}, False, id="nobody sends"),
        pytest.param("GsubmitManyRefusals", {REFUSED: "0+4x40", ACCEPTED: "0+6x40"}, True, id="many refusals"),
        pytest.param("GsubmitManyRefusals", {REFUSED: "0+1x40", ACCEPTED: "0+9x40"}, False, id="few refusals"),
        pytest.param("GsubmitManyRefusals", {REFUSED: "0+1x40", ACCEPTED: "0x40"}, False, id="few messages"),
        pytest.param("GsubmitRelaySlow", {SLOW % "5": "0+1x40", SLOW % "10": "0+9x40", SLOW % "+Inf": "0+9x40"}, True, id="slow"),
        pytest.param("GsubmitRelaySlow", {SLOW % "5": "0+9x40", SLOW % "10": "0+9x40", SLOW % "+Inf": "0+9x40"}, False, id="not slow"),
        pytest.param("GsubmitLoginsUnavailable", {FAILED % "temporary": "0+1x40"}, True, id="passdb down"),
        pytest.param("GsubmitLoginsUnavailable", {FAILED % "failed": "0+1x40"}, False, id="wrong passwords"),
        pytest.param("GsubmitGuesses", {FAILED % "failed": "0+90x40"}, True, id="guesses"),
        pytest.param("GsubmitGuesses", {FAILED % "failed": "0+9x40"}, False, id="some wrong passwords"),
        pytest.param("GsubmitFull", {'gsubmit_connections_total{result="full",instance="a"}': "0+1x40"}, True, id="full"),
        pytest.param("GsubmitNoTurnsAtTheRelay", {'gsubmit_relay_waiting{instance="a"}': "2x40"}, True, id="waiting"),
        pytest.param("GsubmitNoTurnsAtTheRelay", {'gsubmit_relay_waiting{instance="a"}': "2 0 3 0 2 0 3 0x33"}, False, id="now and then"),
        pytest.param("GsubmitHashingBehind", {'gsubmit_password_hashes_queued{instance="a"}': "30x40"}, True, id="hashes"),
    ],
)  # fmt: skip
def test_when_an_alert_is_raised(
    promtool: str, tmp_path: Path, alert: str, series: dict[str, str], is_raised: bool
) -> None:
    """Values are each minute's, see promtool's unit tests for rules; all is looked at after half an hour."""
    inputs = "".join(f"      - {{series: '{name}', values: '{values}'}}\n" for name, values in series.items())
    test = tmp_path / "test.yml"
    expr = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    samples = "[{labels: '{}', value: 1}]" if is_raised else "[]"
    test.write_text(
        f"rule_files: [{ALERTS}]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n{inputs}"
        f"    promql_expr_test:\n      - {{expr: '{expr}', eval_time: 35m, exp_samples: {samples}}}\n"
    )
    done = subprocess.run([promtool, "test", "rules", test], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
