"""One quick run of the figures: every process starts, every answer is right, the report is whole.

What the figures say is not asserted: on a busy machine they say nothing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench.figures.load import Plain, Remit
from bench.figures.measure import Round, spread
from bench.figures.processes import BenchError, cpu_seconds, on
from bench.figures.report import DIRECT, PROXY, summary

ROOT = Path(__file__).parents[2]
TARGETS = {
    DIRECT,
    PROXY,
    "remit, embedded engine",
    "remit, OPA",
    "remit, embedded engine; tool verifies",
}

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(
        "CI" not in os.environ and not (ROOT / ".cache/bin/opa").exists(),
        reason="needs the real OPA: make opa",
    ),
]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_quick_run_measures_every_target_and_reports_it(tmp_path):
    command = [sys.executable, "-m", "bench.figures", "--quick", "--json", str(tmp_path / "figures.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr

    document = json.loads((tmp_path / "figures.json").read_text())
    assert set(document["rounds"]) == TARGETS
    for name, rounds in document["rounds"].items():
        assert len(rounds) == document["plan"]["rounds"]
        assert all(one["calls"] > 0 and one["p99_ms"] >= one["p50_ms"] > 0 for one in rounds)
        assert all((one["cpu_us"] > 0) == (name != DIRECT) for one in rounds)
    assert document["facts"]["store"].startswith("SQLite, synchronous=FULL")

    tables = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert done.stdout.startswith("| through |")
    assert len({line.count("|") for line in tables}) == 1
    assert all(any(line.startswith(f"| {name} |") for line in tables) for name in TARGETS - {DIRECT})
    assert "No target is claimed." in done.stdout


def test_a_figure_is_the_gateways_own_and_its_ratio_is_taken_within_the_round():
    rounds = {DIRECT: [_round(1), _round(3)], PROXY: [_round(2), _round(5)], "x": [_round(4), _round(9)]}
    made = summary(rounds)
    assert DIRECT not in made
    assert made["x"]["figures"]["added_p50_ms"] == spread([3, 6])
    assert made["x"]["ratios"]["added_p50_ms"] == spread([3, 3])


@pytest.mark.parametrize(
    "answer",
    [
        {"decision": "deny"},
        {"decision": "hold"},
        {"decision": "permit", "outcome": {"outcome": "tool_error", "status": 500}},
        {"decision": "permit", "repeated": True, "outcome": {"outcome": "ok", "status": 200}},
        {
            "decision": "permit",
            "outcome": {"outcome": "ok", "status": 200, "body": '{"echo": {"marker": "other"}}'},
        },
    ],
)
def test_an_answer_that_is_not_this_calls_success_stops_the_bench(answer):
    with pytest.raises(BenchError):
        Remit("x", "http://x", None, ("", "")).check(answer, "call-1")


def test_another_calls_echo_stops_the_bench():
    with pytest.raises(BenchError):
        Plain("x", "http://x").check({"echo": {"marker": "other"}}, "call-1")


def test_cpu_is_that_of_the_whole_tree_and_started_where_it_was_told_to():
    cpu = min(os.sched_getaffinity(0))
    script = (
        "import os, subprocess, sys\n"
        "burn = 'import time\\nwhile time.process_time() < 0.3: pass\\nprint(1, flush=True)\\ninput()'\n"
        "child = subprocess.Popen([sys.executable, '-c', burn], stdin=0, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(*os.sched_getaffinity(child.pid), flush=True)\n"
        "child.wait()\n"
    )
    with on({cpu}):
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    try:
        assert process.stdout.readline().split() == [str(cpu)]
        assert cpu_seconds(process.pid) >= 0.3
    finally:
        process.communicate("\n", timeout=10)


def _round(p50_ms):
    return Round(p50_ms, p50_ms, calls_per_s=1, cpu_us=1, busy=1, tool_cpu_us=1, calls=1)
