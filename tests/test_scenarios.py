"""Every shipped scenario, on the embedded engine and on the real OPA."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from remit.policy.embedded import EmbeddedEngine
from remit.policy.opa import OpaEngine
from remit.ports import PolicyEngine
from remit.replay import Player, find

ROOT = Path(__file__).parents[1]
DEADLINE_S = 10.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


def opa() -> Path:
    """The real OPA; missing, it fails the tests in CI and skips them with a reason elsewhere."""
    built = ROOT / ".cache" / "bin" / "opa"
    found = built if built.exists() else shutil.which("opa")
    if found is None:
        message = "no real OPA; `make opa` builds one"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return Path(found)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["embedded", "opa"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[PolicyEngine]:
    embedded = request.param == "embedded"
    made: PolicyEngine = (
        EmbeddedEngine(deadline_s=DEADLINE_S) if embedded else OpaEngine.child(opa(), deadline_s=DEADLINE_S)
    )
    yield made
    await made.close()


@pytest.mark.parametrize("path", find([ROOT / "scenarios"]), ids=lambda path: path.name.split(".")[0])
async def test_scenario(engine: PolicyEngine, path: Path) -> None:
    result = await Player(engine).play_file(path)
    assert (result.status, [str(problem) for problem in result.problems]) == ("passed", [])
