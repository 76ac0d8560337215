"""Recorded agent runs: one JSON object a line, AgentDojo-shaped messages. Only reads."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Call:
    """One tool call as the recorded model asked for it."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class RecordedRun:
    """One run.

    Attributes:
        injection_task: the attack's goal; ``None`` for a benign run.
        prompt: what the user asked for.
        output: what the model said last; ``None`` when the run broke off before.
        utility: recorded label: the user's task was done.
        security: recorded label: the attack *succeeded*; says nothing on a benign run.
    """

    suite: str
    user_task: str
    injection_task: str | None
    injections: dict[str, str]
    prompt: str
    calls: tuple[Call, ...]
    output: str | None
    utility: bool
    security: bool
    model: str


def read_runs(path: Path, limit: int | None = None) -> list[RecordedRun]:
    """The runs in ``path`` (``.jsonl`` or ``.jsonl.gz``); with ``limit``, so many spread evenly."""
    runs = list(_lines(path))
    if limit is None or limit >= len(runs):
        return runs
    return [runs[index * len(runs) // limit] for index in range(limit)]


def _lines(path: Path) -> Iterator[RecordedRun]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield _run(json.loads(line))


def _run(line: dict[str, Any]) -> RecordedRun:
    messages = line["messages"]
    last = messages[-1]
    return RecordedRun(
        suite=line["suite_name"],
        user_task=line["user_task_id"],
        injection_task=line["injection_task_id"],
        injections=line["injections"],
        prompt=next((_text(m["content"]) for m in messages if m["role"] == "user"), ""),
        calls=tuple(
            Call(call["function"], call["args"])
            for message in messages
            if message["role"] == "assistant"
            for call in message["tool_calls"] or []
        ),
        output=_text(last["content"]) if last["role"] == "assistant" else None,
        utility=line["utility"],
        security=line["security"],
        model=line.get("model", ""),
    )


def _text(content: str | list[dict[str, Any]] | None) -> str:
    """A message's text; newer recordings hold it in content blocks."""
    if isinstance(content, list):
        return "".join(block.get("content") or "" for block in content)
    return content or ""
