"""``remit test``: what it prints, and what its exit code says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from junitparser import JUnitXml
from typer.testing import CliRunner, Result

from remit.cli.test import play

READ = "- call: {id: c, tool: documents.read, arguments: {path: invoices/1}}\n  expect: "
GOOD, BAD = f"{READ}permit\n", f"{READ}deny\n"


def run(*arguments: str | Path) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(play)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_all_is_well(write: Any) -> None:
    result = run(write(GOOD))
    assert result.exit_code == 0
    assert "a scenario" in result.stdout
    assert "1 of 1 scenario passed" in result.stderr


def test_an_expectation_that_is_not_met(write: Any, tmp_path: Path) -> None:
    write(GOOD, name="good")
    bad = write(BAD, name="bad")
    result = run(tmp_path)
    assert result.exit_code == 3
    assert f"{bad}:12: expected decision deny; got permit (CALL_WITHIN_REMIT)" in result.stderr


def test_what_cannot_be_evaluated(write: Any, tmp_path: Path) -> None:
    write(GOOD, name="good")
    broken = write("- fly: to the moon\n", name="broken")
    result = run(tmp_path)
    assert result.exit_code == 4
    assert f"{broken}:11:" in result.stderr


@pytest.mark.parametrize(
    "arguments", [("nowhere",), (".", "-k", "nothing"), (".", "--engine", "guess"), (".", "--engine", "opa")]
)
def test_wrong_usage(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    write(GOOD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(*arguments).exit_code == 2


def test_no_scenarios_are_no_success(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "holds no *.scenario.yaml" in result.stderr


def test_reports_for_programs(write: Any, tmp_path: Path) -> None:
    write(GOOD, name="good")
    write(BAD, name="bad")
    junit = tmp_path / "junit.xml"
    result = run(tmp_path, "--json", "--junit", junit)
    assert json.loads(result.stdout)["summary"] == {"scenarios": 2, "failed": 1, "passed": 1}
    (suite,) = JUnitXml.fromfile(str(junit))
    assert (suite.tests, suite.failures) == (2, 1)


def test_only_some(write: Any, tmp_path: Path) -> None:
    write(GOOD, name="good")
    write(BAD, name="bad")
    result = run(tmp_path, "-k", "GOOD.scenario")
    assert result.exit_code == 0
    assert "1 of 1" in result.stderr


def test_a_policy_of_ones_own(write: Any, tmp_path: Path) -> None:
    rego = tmp_path / "policy" / "freeze.rego"
    rego.parent.mkdir()
    rego.write_text(
        "package custom.freeze.call\nimport rego.v1\n"
        'packages contains "custom/freeze/call"\n'
        'deny contains {"code": "X_FROZEN", "subject": "all", "rule": "custom/freeze/call"} if '
        'input.question == "call"\n'
    )
    result = run(write(GOOD), "--policy", rego.parent)
    assert result.exit_code == 3
    assert "X_FROZEN" in result.stderr
