"""Where Regorus 0.13.0 differs from OPA, and why the portable profile forbids what leads there.

When one of these fails, upstream has mended it, and the profile may be widened.
"""

from __future__ import annotations

import json

import regorus

ASKING = "package remit.call\n\nimport data.remit.lib\n\ndeny contains found if some found in lib.denials\n"
FIRST = "package remit.lib\n"
RULES = "package remit.lib\n\ndenials contains agent if not input.known\n"
LATER = "package remit.lib\n\nagent := input.agent\n"


def _deny(asking: str) -> list[str]:
    engine = regorus.Engine()
    for number, source in enumerate((asking, FIRST, RULES, LATER)):
        engine.add_policy(f"{number}.rego", source)
    engine.set_input_json(json.dumps({"agent": "a"}))
    return json.loads(engine.eval_rule_as_json("data.remit.call.deny"))


def test_a_rule_behind_a_package_alias_is_lost() -> None:
    """It evaluates the package file by file; a rule that needs a later file is undefined, for good."""
    assert _deny(ASKING) == []


def test_a_rule_in_a_package_taken_as_a_value_is_lost() -> None:
    assert _deny("package remit.call\n\ndeny := said.denials if said := data.remit.lib\n") == []


def test_a_rule_by_its_full_path_is_not() -> None:
    assert _deny(ASKING.replace("import data.remit.lib\n", "").replace("lib.d", "data.remit.lib.d")) == ["a"]
