"""A player finds what is not as expected, says where, and never passes what it could not play."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.errors import IntegrityError, PolicyUnavailableError
from remit.model.organisation import Organisation
from remit.policy.manifest import activation
from remit.ports import Activation, Scan
from remit.replay import Player, load
from remit.replay.invariants import audit
from remit.replay.performing import perform
from remit.replay.session import Session
from remit.replay.world import open_world

SCENARIOS = Path(__file__).parents[2] / "scenarios"

pytestmark = pytest.mark.asyncio(loop_scope="session")

READ = "- call: {id: c, tool: documents.read, arguments: {path: invoices/1}}\n"
AUTHORIZE = "- call: {id: c, tool: documents.read, arguments: {path: invoices/1}, mode: authorize}\n"


async def played(engine: Any, path: Path) -> tuple[str, list[str]]:
    result = await Player(engine).play_file(path)
    return result.status, [str(problem).removeprefix(f"{path}:") for problem in result.problems]


async def test_as_expected(engine: Any, write: Any) -> None:
    assert await played(engine, write(READ + "  expect: {decision: permit, outcome: ok}\n")) == ("passed", [])


async def test_what_is_not_is_said_with_its_line(engine: Any, write: Any) -> None:
    status, problems = await played(engine, write(READ + "  expect: {decision: deny, executed: 0}\n"))
    assert status == "failed"
    assert problems == [
        "12: expected decision deny; got permit (CALL_WITHIN_REMIT)",
        "12: expected executed 0; got 1",
    ]


async def test_an_error_that_nobody_expected(engine: Any, write: Any) -> None:
    status, problems = await played(engine, write("- close: main\n" + READ + "  expect: permit\n"))
    assert (status, problems) == (
        "failed",
        ["13: expected decision permit; got the error run-closed: the run has ended"],
    )


async def test_it_stops_at_the_first_step_that_fails(engine: Any, write: Any) -> None:
    steps = READ + "  expect: hold\n- approve: {hold: c, by: ann@example.com}\n"
    status, problems = await played(engine, write(steps))
    assert (status, len(problems)) == ("failed", 1)


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("- approve: {hold: c, by: ann@example.com}\n", "11: hold: nothing that is called c was held"),
        ("- present: {call: c}\n  expect: accepted\n", "11: present: no token was given for call c"),
        ("- revoke: {call: c}\n", "11: revoke: no token was given for call c"),
        ("- finish: c\n  expect: ok\n", "11: finish: no call c is under way"),
        ("- close: nobody\n", "11: by: nobody is called nobody: no open or narrow step has named it so"),
        ("- tool: {name: fax, result: no-answer}\n", "11: tool: fax is not in the catalogue"),
    ],
)
async def test_what_cannot_be_played_is_not_evaluated(
    engine: Any, write: Any, steps: str, problem: str
) -> None:
    assert await played(engine, write(steps)) == ("not_evaluated", [problem])


async def test_nor_is_a_setting_that_there_is_not(engine: Any, write: Any) -> None:
    status, (problem,) = await played(engine, write("- advance: 1s\n", "settings: {patience: 3}\n"))
    assert status == "not_evaluated"
    assert "patience" in problem


async def test_nor_is_what_the_engine_did_not_answer(engine: Any, write: Any, monkeypatch: Any) -> None:
    async def silent(_document: object) -> None:
        raise PolicyUnavailableError("gone")

    player = Player(engine)
    found = load(write(READ + "  expect: deny\n"))
    assert (await player.play(found)).status == "failed"
    monkeypatch.setattr(engine, "decide", silent)
    result = await player.play(found)
    assert result.status == "not_evaluated"
    assert "failed to answer" in str(result.problems[-1])


async def test_a_policy_under_trial_is_what_judges(engine: Any, write: Any) -> None:
    path = write(READ + "  expect: permit\n")
    module = """package custom.freeze.call
import rego.v1
packages contains "custom/freeze/call"
deny contains {"code": "X_FROZEN", "subject": "all", "rule": "custom/freeze/call"} if input.question == "call"
"""

    def candidate(organisation: Organisation) -> Activation:
        return activation(organisation, extensions={"custom/freeze/call.rego": module})

    result = await Player(engine, candidate).play_file(path)
    assert "expected decision permit; got deny (X_FROZEN" in str(result.problems[0])
    assert (await Player(engine).play_file(path)).status == "passed"


# --- what must always hold ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("always", "said"),
    [
        ("never_permit: ['documents.*']", "never documents.*; call c of documents.read was permitted"),
        ("executed_at_most: {documents.read: 0}", "documents.read at most 0 times; was executed 1 times: c"),
        ("token_ttl_s: 29", "the token of call c lives 30000 ms"),
    ],
)
async def test_a_broken_invariant_is_found(engine: Any, write: Any, always: str, said: str) -> None:
    path = write(READ + "  expect: permit\n", f"always: {{{always}}}\n")
    assert await played(engine, path) == ("failed", [f"5: always: {said}"])


async def test_a_token_used_at_the_tool_counts_as_executed(engine: Any, write: Any) -> None:
    steps = (
        AUTHORIZE + "  expect: {decision: permit, executed: 0}\n- present: {call: c}\n  expect: accepted\n"
    )
    path = write(steps, "always: {executed_at_most: {documents.read: 0}}\n")
    assert (await played(engine, path))[0] == "failed"


async def test_a_log_that_was_rewritten_does_not_verify(engine: Any, write: Any) -> None:
    found = load(write(READ + "  expect: permit\n"))
    await engine.activate(activation(found.registry.organisation))
    async with open_world(found, engine) as world:
        session = Session(world)
        for step in found.scenario.steps:
            await perform(session, step)
        await audit(world)
        log: Any = world.runtime.deps.store._log  # type: ignore[attr-defined]
        (index,) = (at for at, (entry, _) in enumerate(log) if entry.kind == "call.decided")
        entry, record = log[index]
        log[index] = (replace(entry, raw=entry.raw.replace(b"permit", b"hold")), record)
        with pytest.raises(IntegrityError):
            await audit(world)


# --- the same each time ---------------------------------------------------------------------------


async def test_a_scenario_makes_the_same_records_each_time(engine: Any, write: Any) -> None:
    found = load(write(READ + "  expect: permit\n"))
    await engine.activate(activation(found.registry.organisation))

    async def records() -> list[bytes]:
        async with open_world(found, engine) as world:
            session = Session(world)
            for step in found.scenario.steps:
                await perform(session, step)
            await session.world.runtime.inflight.drain(1)
            entries = world.runtime.deps.store.scan(Scan())
            runs = [entry async for entry in entries if entry.stream.startswith("run_")]
            return [entry.raw for entry in runs]

    first = await records()
    assert len(first) == 3
    assert first == await records()


async def test_two_scenarios_share_nothing(engine: Any, write: Any) -> None:
    kill = write("- kill: {kind: tool, id: documents.read}\n" + READ + "  expect: deny\n", name="kill")
    read = write(READ + "  expect: permit\n", name="read")
    player = Player(engine)
    assert [(await player.play_file(path)).status for path in (kill, read, kill)] == ["passed"] * 3


async def test_the_example_in_the_documentation(engine: Any, tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (SCENARIOS / "README.md").read_text(), re.DOTALL)
    path = tmp_path / "example.scenario.yaml"
    path.write_text(
        example.replace("organisation: organisation", f"organisation: {SCENARIOS / 'organisation'}")
    )
    assert await played(engine, path) == ("passed", [])
