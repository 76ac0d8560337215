"""The world of ``world.py`` on either store, for the tests of flows and of the doors over them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

_FILE = Path(__file__).parent / "world.py"


def load_world() -> ModuleType:
    """``world.py`` as one module for every test that uses it."""
    if "remit_test_world" not in sys.modules:
        spec = importlib.util.spec_from_file_location("remit_test_world", _FILE)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["remit_test_world"] = module
        spec.loader.exec_module(module)
    return sys.modules["remit_test_world"]


w = load_world()


@pytest.fixture(scope="session")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One configuration for all worlds that do not want their own."""
    return tmp_path_factory.mktemp("organisation")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(organisation: Path) -> AsyncIterator[Any]:
    """One real engine for all worlds that do not break theirs."""
    made = w.EmbeddedEngine(deadline_s=5)
    w.write_config(organisation)
    await made.activate(w.loaded(organisation)[2])
    yield made
    await made.close()


@pytest.fixture(params=["memory", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(loop_scope="session")
async def world(tmp_path: Path, kind: str, engine: Any, organisation: Path) -> AsyncIterator[Any]:
    async with w.make_world(tmp_path, kind, policy=engine, config=organisation) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def run(world: Any) -> Any:
    return await world.gate.open()
