"""The format is closed: whatever it does not know it refuses, by file, line and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from remit.core.documents import Document
from remit.errors import ConfigError
from remit.net.files import read
from remit.replay import load, scenario_schema
from remit.replay.actions import milliseconds
from remit.replay.steps import CallStep

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "scenarios").rglob("*.scenario.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(scenario_schema())
READ = "- call: {id: c, tool: documents.read, arguments: {path: invoices/1}}\n"


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("steps", "line", "problem"),
    [
        (READ + "  expect: permit\n  colour: red\n", 13, "colour"),
        (READ, 11, "expect"),
        (READ + "  expect: {}\n", 12, "expects nothing"),
        (READ + "  expect: perhaps\n", 12, "'permit', 'deny' or 'hold'"),
        (READ + "  expect: {decision: permit, code: [NO_STEP]}\n", 12, "code"),
        (READ + "  expect: permit\n  advance: 1s\n", 11, "exactly one key"),
        ("- expect: permit\n", 11, "exactly one key"),
        ("- advance: soon\n", 11, "advance"),
        ("- amend: {changes: {}}\n  expect: permit\n", 11, "changes nothing"),
        ("- amend: {reason: none}\n  expect: permit\n", 11, "either the whole plan"),
        ("- parallel: [{id: c, tool: documents.read}]\n  expect: permit\n", 11, "at least 2"),
        ("- open: {template: pay-invoice, opener: agent, user: ann@example.com}\n", 11, "no agent is named"),
        ("- kill: {kind: city, id: paris}\n", 11, "kind"),
        ("- revoke: {}\n", 11, "either a call"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write: Any, steps: str, line: int, problem: str) -> None:
    message = refused(write(steps))
    assert problem in message
    assert f".scenario.yaml:{line}: " in message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("clock: 2026-11-20T09:00:00Z", "clock: 2026-11-20T09:00:00"), "clock"),
        (("scenario: 1", "scenario: 2"), "scenario"),
        (("name: a scenario\n", ""), "name"),
        (("name: a scenario", "name: a scenario\nname: another"), "there twice"),
    ],
)
def test_a_head_that_is_not_one_is_refused(write: Any, change: tuple[str, str], problem: str) -> None:
    path = write("- advance: 1s\n")
    path.write_text(path.read_text().replace(*change))
    assert problem in refused(path)


def test_no_steps_are_no_scenario(write: Any) -> None:
    path = write("", opened=False)
    path.write_text(path.read_text().replace("steps:\n", "steps: []\n"))
    assert "at least 1" in refused(path)


def test_an_invariant_about_no_tool_is_refused(write: Any) -> None:
    message = refused(write("- advance: 1s\n", "always: {never_permit: [payment.create]}\n"))
    assert "payment.create fits no tool" in message


def test_one_word_and_the_long_form_say_the_same() -> None:
    call = {"call": {"id": "c", "tool": "t"}}
    word = CallStep.model_validate({**call, "expect": "deny", "result": "slow"})
    long = CallStep.model_validate({**call, "expect": {"decision": "deny"}, "result": {"behaviour": "slow"}})
    assert word == long
    assert word.expect.model_fields_set == {"decision"}


@pytest.mark.parametrize(("said", "meant"), [("0s", 0), ("250ms", 250), ("90s", 90_000), ("1h", 3_600_000)])
def test_durations(said: str, meant: int) -> None:
    assert milliseconds(said) == meant


# --- the schema that editors read -----------------------------------------------------------------


def test_the_committed_schema_is_the_models() -> None:
    committed = (ROOT / "schemas" / "scenario.schema.json").read_text()
    assert committed == json.dumps(scenario_schema(), indent=1) + "\n", (
        "regenerate: json.dumps(remit.replay.scenario_schema(), indent=1)"
    )


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(scenario_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_fit_it(path: Path) -> None:
    VALIDATOR.validate(read(path).value)


def test_it_refuses_what_the_models_refuse(write: Any) -> None:
    text = write(READ + "  expect: {decision: permit, code: [NO_STEP]}\n").read_text()
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(Document(text, "x").value)
