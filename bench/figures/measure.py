"""Interleaved rounds over all targets, shuffled: in each, one client alone and then many at once."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiohttp
from bench.figures.load import Target, load
from bench.figures.processes import cpu_seconds

MANY: Final = 16
"""Clients at once; alone, it is one."""


@dataclass(frozen=True)
class Plan:
    """How long it all takes.

    Attributes:
        alone_s, many_s: seconds of load, per target and round.
    """

    rounds: int
    warm_up_s: float
    alone_s: float
    many_s: float


FULL: Final = Plan(rounds=5, warm_up_s=1.0, alone_s=2.0, many_s=3.0)
QUICK: Final = Plan(rounds=1, warm_up_s=0.1, alone_s=0.3, many_s=0.3)


@dataclass(frozen=True)
class Subject:
    """A target and the processes that it is made of.

    Attributes:
        gateway: the process whose whole tree stands between client and tool; ``None`` for nothing.
        tool: the tool's process.
    """

    target: Target
    gateway: int | None
    tool: int


@dataclass(frozen=True)
class Round:
    """One target in one round.

    Attributes:
        p50_ms, p99_ms: latency of one client alone.
        cpu_us: what the gateway's tree used per call, with many clients.
        busy: how much of one core that was.
        tool_cpu_us: what the tool used per call.
        calls: how many calls all this rests on.
    """

    p50_ms: float
    p99_ms: float
    calls_per_s: float
    cpu_us: float
    busy: float
    tool_cpu_us: float
    calls: int


@dataclass(frozen=True)
class Spread:
    """A figure over the rounds: the median, and the least and greatest."""

    median: float
    least: float
    greatest: float


async def measure(
    http: aiohttp.ClientSession, subjects: list[Subject], plan: Plan, say: Callable[[str], None]
) -> dict[str, list[Round]]:
    """The rounds of every target, by its name."""
    for subject in subjects:
        await subject.target.ready(MANY)
        await load(http, subject.target, MANY, plan.warm_up_s)
    rounds: dict[str, list[Round]] = {subject.target.name: [] for subject in subjects}
    for number in range(plan.rounds):
        say(f"round {number + 1} of {plan.rounds}")
        # Each round in another order, for a target's caches bear the marks of the one before it.
        for subject in random.Random(number).sample(subjects, len(subjects)):
            rounds[subject.target.name].append(await _round(http, subject, plan))
    return rounds


async def _round(http: aiohttp.ClientSession, subject: Subject, plan: Plan) -> Round:
    alone = await load(http, subject.target, 1, plan.alone_s)
    before = _used(subject)
    many = await load(http, subject.target, MANY, plan.many_s)
    gateway_s, tool_s = (after - start for after, start in zip(_used(subject), before, strict=True))
    return Round(
        p50_ms=alone.percentile_ms(50),
        p99_ms=alone.percentile_ms(99),
        calls_per_s=many.calls / many.wall_s,
        cpu_us=gateway_s / many.calls * 1e6,
        busy=gateway_s / many.wall_s,
        tool_cpu_us=tool_s / many.calls * 1e6,
        calls=alone.calls + many.calls,
    )


def _used(subject: Subject) -> tuple[float, float]:
    return cpu_seconds(subject.gateway) if subject.gateway else 0.0, cpu_seconds(subject.tool)


def spread(values: list[float]) -> Spread:
    """Over the rounds."""
    return Spread(statistics.median(values), min(values), max(values))
