"""A scenario written in a few lines, on the organisation that the shipped ones share; and an engine."""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from remit.policy.embedded import EmbeddedEngine

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HEAD = """\
scenario: 1
name: a scenario
organisation: {organisation}
clock: 2026-11-20T09:00:00Z
"""
OPEN = """\
- open:
    template: pay-invoice
    agent: spiffe://example.org/agent/payables
    user: ann@example.com
    parameters: {supplier: Acme, contact: billing@acme.example}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write(steps, rest)``: a scenario file that opens a run and then takes these steps."""

    def written(steps: str, rest: str = "", *, opened: bool = True, name: str = "a") -> Path:
        head = HEAD.format(organisation=SCENARIOS / "organisation")
        body = (OPEN if opened else "") + textwrap.dedent(steps)
        path = tmp_path / f"{name}.scenario.yaml"
        path.write_text(f"{head}{textwrap.dedent(rest)}steps:\n{textwrap.indent(body, '  ')}")
        return path

    return written


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine() -> AsyncIterator[EmbeddedEngine]:
    made = EmbeddedEngine(deadline_s=10)
    yield made
    await made.close()
