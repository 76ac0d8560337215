"""The figures as the README quotes them, and as JSON. Computes ratios; claims nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from bench.figures.machine import Facts
from bench.figures.measure import MANY, Plan, Round, Spread, spread

DIRECT: Final = "direct"
PROXY: Final = "pass-through proxy"

Figure = Callable[[Round, Round], float]
"""A figure of a round, given the direct calls of the same round."""

_FIGURES: Final[dict[str, Figure]] = {
    "added_p50_ms": lambda one, direct: one.p50_ms - direct.p50_ms,
    "added_p99_ms": lambda one, direct: one.p99_ms - direct.p99_ms,
    "cpu_us_per_call": lambda one, _: one.cpu_us,
    "calls_per_s": lambda one, _: one.calls_per_s,
}
_HEADINGS: Final = {
    "added_p50_ms": "added p50, ms (c=1)",
    "added_p99_ms": "added p99, ms (c=1)",
    "cpu_us_per_call": f"CPU, µs per call (c={MANY})",
    "calls_per_s": f"calls/s (c={MANY})",
}
_DIGITS: Final = {"added_p50_ms": 2, "added_p99_ms": 2, "cpu_us_per_call": 0, "calls_per_s": 0}
_RATIO_DIGITS: Final = {"added_p50_ms": 1, "added_p99_ms": 1, "cpu_us_per_call": 1, "calls_per_s": 2}


def summary(rounds: dict[str, list[Round]]) -> dict[str, dict[str, dict[str, Spread]]]:
    """By target: each figure, and its ratio to the proxy's of the same round."""
    return {
        name: {
            "figures": {key: spread(_series(rounds, name, key)) for key in _FIGURES},
            "ratios": {key: spread(_ratios(rounds, name, key)) for key in _FIGURES},
        }
        for name in rounds
        if name != DIRECT
    }


def as_json(rounds: dict[str, list[Round]], plan: Plan, facts: Facts) -> dict[str, Any]:
    """Everything: the machine, the plan, each round, and what was made of them."""
    return {
        "facts": dataclasses.asdict(facts),
        "plan": dataclasses.asdict(plan),
        "rounds": {name: [dataclasses.asdict(one) for one in series] for name, series in rounds.items()},
        "summary": {
            name: {kind: {k: dataclasses.asdict(v) for k, v in parts.items()} for kind, parts in made.items()}
            for name, made in summary(rounds).items()
        },
    }


def as_markdown(rounds: dict[str, list[Round]], plan: Plan, facts: Facts) -> str:
    """Two tables, and what they were measured on."""
    made = summary(rounds)
    ratios = {name: one["ratios"] for name, one in made.items() if name != PROXY}
    lines = [
        *_table("", {name: one["figures"] for name, one in made.items()}, _DIGITS),
        "",
        *_table("times the proxy's ", ratios, _RATIO_DIGITS),
        "",
        *_notes(rounds, plan, facts),
    ]
    return "\n".join(lines)


def _table(prefix: str, rows: dict[str, dict[str, Spread]], digits: dict[str, int]) -> list[str]:
    headings = [
        f"{prefix}{heading.partition(',')[0]}" if prefix else heading for heading in _HEADINGS.values()
    ]
    lines = [f"| {' | '.join(['through', *headings])} |", f"|---|{'---:|' * len(headings)}"]
    for name, figures in rows.items():
        cells = [_cell(figures[key], digits[key]) for key in _HEADINGS]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return lines


def _cell(one: Spread, digits: int) -> str:
    return f"{one.median:,.{digits}f} ({one.least:,.{digits}f} to {one.greatest:,.{digits}f})"


def _notes(rounds: dict[str, list[Round]], plan: Plan, facts: Facts) -> list[str]:
    direct = spread([one.p50_ms for one in rounds[DIRECT]])
    busy = ", ".join(
        f"{name} {spread([one.busy for one in series]).median:.0%}"
        for name, series in rounds.items()
        if name != DIRECT
    )
    tool = ", ".join(
        f"{name} {spread([one.tool_cpu_us for one in series]).median:.0f} µs"
        for name, series in rounds.items()
    )
    calls = sum(one.calls for series in rounds.values() for one in series)
    return [
        f"Medians of {plan.rounds} rounds, interleaved and shuffled (least to greatest); ratios are "
        "taken within a round. "
        f"*Added*: over a direct call ({_cell(direct, 2)} ms at p50). About 1 kB of arguments, unique call "
        f"ids, {MANY} runs at once at c={MANY}; each of the {calls:,} answers was checked. "
        "The policy deadline is 2 s here, so that queueing on one core is measured and not denied. "
        "No target is claimed.",
        "",
        facts.sentence(),
        "",
        f"CPU is that of the gateway's whole process tree. How busy its core was at c={MANY}: {busy}; well "
        "below 100 % the client was the bottleneck and not the gateway. "
        f"The tool's own CPU per call: {tool}.",
    ]


def _series(rounds: dict[str, list[Round]], name: str, key: str) -> list[float]:
    figure = _FIGURES[key]
    return [figure(one, direct) for one, direct in zip(rounds[name], rounds[DIRECT], strict=True)]


def _ratios(rounds: dict[str, list[Round]], name: str, key: str) -> list[float]:
    pairs = zip(_series(rounds, name, key), _series(rounds, PROXY, key), strict=True)
    return [value / base for value, base in pairs]
