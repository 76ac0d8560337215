"""Plays scenarios: each in a world of its own, step by step, on an engine that the caller gives.

It stops at the first step that shows something else than expected, because what follows rests on it;
the invariants are checked in any case. It must never call a scenario passed that it did not finish.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remit.errors import ConfigError, RemitError, UnavailableError
from remit.model.organisation import Organisation
from remit.policy.manifest import activation
from remit.ports import Activation, PolicyEngine
from remit.replay import observed
from remit.replay.expect import Expectation, Observed, mismatches
from remit.replay.invariants import broken
from remit.replay.library import Found, load
from remit.replay.performing import perform
from remit.replay.report import Problem, Result, Status
from remit.replay.session import Session
from remit.replay.steps import Step
from remit.replay.world import World, open_world

STEP_DEADLINE_S: Final = 20.0
"""How long one step may take, real seconds; a scenario that waits for something that never comes."""


@dataclass(frozen=True, slots=True)
class Player:
    """Plays scenarios one after the other.

    Attributes:
        engine: what judges; the scenarios' policy is put in force on it as they need it.
        policy: the policy of an organisation; by default the shipped one without extensions.
    """

    engine: PolicyEngine
    policy: Callable[[Organisation], Activation] = activation

    async def play_file(self, path: Path) -> Result:
        """Play the scenario in a file, if it is one."""
        started = time.perf_counter()
        try:
            found = load(path)
        except ConfigError as error:
            return _not_evaluated(path, str(path), error, started)
        return await self.play(found)

    async def play(self, found: Found) -> Result:
        """Play one scenario."""
        started = time.perf_counter()
        try:
            await self._activate(found)
            async with open_world(found, self.engine) as world:
                problems = await _play(found, world)
                lost = world.engine.lost
        except (ConfigError, UnavailableError) as error:
            return _not_evaluated(found.path, found.scenario.name, error, started)
        if lost:
            text = f"the policy engine failed to answer {lost} times"
            problems.append(Problem(found.where("steps"), text))
        status: Status = "not_evaluated" if lost else "failed" if problems else "passed"
        return Result(found.path, found.scenario.name, status, tuple(problems), _ms(started))

    async def _activate(self, found: Found) -> None:
        wanted = self.policy(found.registry.organisation)
        if self.engine.reference().revision != wanted.revision:
            await self.engine.activate(wanted)


async def _play(found: Found, world: World) -> list[Problem]:
    session = Session(world)
    problems: list[Problem] = []
    try:
        for index, step in enumerate(found.scenario.steps):
            if problems := await _step(found, session, index, step):
                break
    finally:
        await session.abandon()
    for invariant, text in await broken(found.scenario.always, world):
        problems.append(Problem(found.where("always", invariant), f"always: {text}"))
    return problems


async def _step(found: Found, session: Session, index: int, step: Step) -> list[Problem]:
    where = found.where("steps", index)
    try:
        async with asyncio.timeout(STEP_DEADLINE_S):
            seen = await perform(session, step)
    except ConfigError as error:
        raise ConfigError(where, str(error)) from error
    except TimeoutError as error:
        raise ConfigError(where, f"was not over after {STEP_DEADLINE_S:.0f} s") from error
    except RemitError as error:
        seen = observed.refused(error)
    expected = getattr(step, "expect", None)
    place = ("steps", index, "expect") if expected is not None else ("steps", index)
    return [Problem(found.where(*place), text) for text in _compared(expected, seen)]


def _compared(expected: Expectation | None, seen: Observed) -> list[str]:
    if expected is not None:
        return list(mismatches(expected, seen))
    return [f"got the error {seen['error']}: {seen['message']}"] if seen.get("error") else []


def _not_evaluated(path: Path, name: str, error: RemitError, started: float) -> Result:
    where = error.where if isinstance(error, ConfigError) else str(path)
    text = error.problem if isinstance(error, ConfigError) else str(error)
    return Result(path, name, "not_evaluated", (Problem(where, text),), _ms(started))


def _ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
