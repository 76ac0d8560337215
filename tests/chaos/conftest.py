"""A gateway process under load, and a tool in this process that counts what reaches it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

if "remit_test_command" not in sys.modules:
    _spec = importlib.util.spec_from_file_location(
        "remit_test_command", Path(__file__).parents[1] / "cli" / "conftest.py"
    )
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules["remit_test_command"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["remit_test_command"])

_command: Any = sys.modules["remit_test_command"]
