"""The world and the doors of ``tests/web``, for attacks on them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

if "remit_test_doors" not in sys.modules:
    _spec = importlib.util.spec_from_file_location(
        "remit_test_doors", Path(__file__).parents[1] / "web" / "conftest.py"
    )
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules["remit_test_doors"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["remit_test_doors"])

_doors: Any = sys.modules["remit_test_doors"]
organisation, engine, world, doors = _doors.organisation, _doors.engine, _doors.world, _doors.doors
