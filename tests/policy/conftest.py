"""The corpus module, and the real OPA; a missing OPA fails in CI and skips with a reason elsewhere."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

_HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def corpus() -> ModuleType:
    spec = importlib.util.spec_from_file_location("policy_corpus", _HERE / "corpus.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def opa() -> Path:
    built = _HERE.parents[1] / ".cache" / "bin" / "opa"
    found = built if built.exists() else shutil.which("opa")
    if found is None:
        message = "no real OPA; `make opa` builds one"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return Path(found)
