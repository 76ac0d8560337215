import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

from bench.agentdojo.recorded import Call, RecordedRun, read_runs


def _line(**changes: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "Be good."},
        {"role": "user", "content": "Pay the bill."},
        {"role": "assistant", "content": None, "tool_calls": [{"function": "read_file", "args": {"f": "x"}}]},
        {"role": "tool", "content": "98.70", "tool_call": {}, "error": None},
        {"role": "assistant", "content": "Done.", "tool_calls": []},
    ]
    return {
        "suite_name": "banking",
        "user_task_id": "user_task_0",
        "injection_task_id": None,
        "injections": {},
        "messages": messages,
        "utility": True,
        "security": True,
        **changes,
    }


def _write(path: Path, lines: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def test_a_line_as_a_run(tmp_path: Path) -> None:
    expected = RecordedRun(
        suite="banking",
        user_task="user_task_0",
        injection_task=None,
        injections={},
        prompt="Pay the bill.",
        calls=(Call("read_file", {"f": "x"}),),
        output="Done.",
        utility=True,
        security=True,
        model="",
    )
    for name in ("runs.jsonl", "runs.jsonl.gz"):
        assert read_runs(_write(tmp_path / name, [_line()])) == [expected]


def test_a_run_that_broke_off_has_no_output(tmp_path: Path) -> None:
    broken = _line(messages=_line()["messages"][:-1])
    [run] = read_runs(_write(tmp_path / "runs.jsonl", [broken]))
    assert run.output is None
    assert len(run.calls) == 1


def test_content_blocks(tmp_path: Path) -> None:
    blocks = [{"type": "text", "content": "Do"}, {"type": "text", "content": "ne."}]
    messages = [
        {"role": "user", "content": blocks},
        {"role": "assistant", "content": blocks, "tool_calls": None},
    ]
    [run] = read_runs(_write(tmp_path / "runs.jsonl", [_line(messages=messages)]))
    assert (run.prompt, run.output, run.calls) == ("Done.", "Done.", ())


def test_a_limit_spreads_evenly(tmp_path: Path) -> None:
    lines = [_line(suite_name=suite) for suite in ("a", "b") for _ in range(10)]
    runs = read_runs(_write(tmp_path / "runs.jsonl", lines), limit=4)
    assert Counter(run.suite for run in runs) == {"a": 2, "b": 2}
