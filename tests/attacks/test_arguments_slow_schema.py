"""Attack: arguments that make a tool's own schema slow (catastrophic back-tracking)."""

import time
from typing import Any

import pytest

from remit.core.arguments import ArgumentSchema
from remit.errors import FieldError

TEXT = "a" * 100_000 + "!"


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)+$", "^(.*)*x$", "(a*)*b"])
@pytest.mark.parametrize("where", ["pattern", "patternProperties", "propertyNames"])
def test_patterns_are_linear(pattern: str, where: str) -> None:
    inners: dict[str, Any] = {
        "pattern": {"pattern": pattern},
        "patternProperties": {"additionalProperties": False, "patternProperties": {pattern: {}}},
        "propertyNames": {"propertyNames": {"pattern": pattern}},
    }
    compiled = ArgumentSchema({"type": "object", "properties": {"a": inners[where]}})
    before = time.perf_counter()
    with pytest.raises(FieldError):
        compiled.effective({"a": TEXT if where == "pattern" else {TEXT: 1}})
    assert time.perf_counter() - before < 2
