"""What became of scenarios, as values, as JSON, and as JUnit XML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from remit.model.base import JsonObject

Status = Literal["passed", "failed", "not_evaluated"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as expected, and the ``file:line`` that expected it."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario played.

    Attributes:
        status: ``not_evaluated`` when nothing can be said: no scenario, no engine, no answer.
        ms: how long it took, real milliseconds.
    """

    path: Path
    name: str
    status: Status
    problems: tuple[Problem, ...]
    ms: int


def as_json(results: Sequence[Result]) -> JsonObject:
    """All results, and how many there are of each kind."""
    return {
        "summary": {"scenarios": len(results), **Counter(result.status for result in results)},
        "results": [
            {
                "path": str(result.path),
                "name": result.name,
                "status": result.status,
                "problems": [{"where": one.where, "text": one.text} for one in result.problems],
                "ms": result.ms,
            }
            for result in results
        ],
    }


def write_junit(results: Sequence[Result], file: Path) -> None:
    """All results as one JUnit test suite."""
    suite = TestSuite("scenarios")
    for result in results:
        case = TestCase(result.name, classname=str(result.path), time=result.ms / 1000)
        kind = Failure if result.status == "failed" else Error
        case.result = [_fault(kind, problem) for problem in result.problems]
        suite.add_testcase(case)
    document = JUnitXml("remit")
    document.add_testsuite(suite)
    document.write(str(file), pretty=True)


def _fault(kind: type[Failure | Error], problem: Problem) -> Failure | Error:
    fault = kind(problem.text)
    fault.text = str(problem)
    return fault
