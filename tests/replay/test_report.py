"""Results as programs read them."""

from __future__ import annotations

from pathlib import Path

from junitparser import Error, Failure, JUnitXml

from remit.replay import Result, as_json, write_junit
from remit.replay.report import Problem

RESULTS = [
    Result(Path("a.scenario.yaml"), "fine", "passed", (), 12),
    Result(Path("b.scenario.yaml"), "worse", "failed", (Problem("b.scenario.yaml:7", "expected <x>"),), 5),
    Result(Path("c.scenario.yaml"), "none", "not_evaluated", (Problem("c.scenario.yaml:1", "no"),), 1),
]


def test_json() -> None:
    said = as_json(RESULTS)
    assert said["summary"] == {"scenarios": 3, "passed": 1, "failed": 1, "not_evaluated": 1}
    assert said["results"][1] == {  # type: ignore[index,call-overload]
        "path": "b.scenario.yaml",
        "name": "worse",
        "status": "failed",
        "problems": [{"where": "b.scenario.yaml:7", "text": "expected <x>"}],
        "ms": 5,
    }


def test_junit(tmp_path: Path) -> None:
    write_junit(RESULTS, tmp_path / "junit.xml")
    (suite,) = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (suite.tests, suite.failures, suite.errors) == (3, 1, 1)
    fine, worse, none = suite
    assert fine.is_passed
    assert [(type(one), one.message, one.text) for one in worse.result] == [
        (Failure, "expected <x>", "b.scenario.yaml:7: expected <x>")
    ]
    assert [type(one) for one in none.result] == [Error]
