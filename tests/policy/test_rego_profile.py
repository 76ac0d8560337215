"""The portable profile, on every shipped module; the linter that would say so cannot be had everywhere."""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from remit.model.reasons import CORE, POLICY, REASONS
from remit.policy.bundle import QUESTIONS, read_modules, shipped_rego

MODULES = read_modules(shipped_rego())
RULES = {"allow", "deny", "hold", "obligations", "packages"}
CODE = re.compile(r"\"code\": \"([A-Z_]+)\"")


@pytest.fixture(scope="module")
def parsed(opa):
    def parse(path: str):
        argv = [opa, "parse", "--format=json", shipped_rego() / path]
        return json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)

    return {path: parse(path) for path in MODULES}


@pytest.mark.parametrize("path", MODULES)
def test_every_module_keeps_the_profile(path: str) -> None:
    code = "\n".join(line for line in MODULES[path].split("\n") if not line.lstrip().startswith("#"))
    package = ".".join(Path(path).parent.parts)
    assert f"\npackage {package}\n" in f"\n{code}", "directory = package"
    assert "import rego.v1\n" in code
    # `opa fmt` removes the import where no `not` is.
    assert ("import future.keywords.not\n" in code) == bool(re.search(r"\bnot (?!_test)", code))
    assert "import data." not in code, "Regorus can lose rules behind an alias"
    whole = r"data\.remit\.(?:run|plan|call|lib|extension)(?![\w.])|data\.remit\.extension\.\w+(?![\w.])"
    assert not re.search(whole, code), "a package is never a value: Regorus evaluates it in file order"
    assert f'packages contains "{path.removeprefix("remit/").removesuffix(".rego")}"' in code
    assert not re.search(r"\d\.\d", code), "integers only"
    assert (shipped_rego() / path.replace(".rego", "_test.rego")).exists()


def test_rule_files_define_rules_and_helpers_only(parsed) -> None:
    helpers: dict[str, dict[str, str]] = defaultdict(dict)
    for path, module in parsed.items():
        _, package, file = path.split("/")
        names = {rule["head"].get("name") or rule["head"]["ref"][0]["value"] for rule in module["rules"]}
        if package in QUESTIONS and file != "decision.rego":
            assert {name for name in names if not name.startswith("_")} <= RULES, path
        for name in names:
            if name.startswith("_"):
                assert helpers[package].setdefault(name, path) == path, f"{name} is in two files"


def test_every_code_is_listed_and_every_listed_one_is_emitted() -> None:
    emitted = {code for source in MODULES.values() for code in CODE.findall(source)}
    assert emitted == {reason.code for reason in POLICY}


def test_core_and_policy_share_no_code() -> None:
    assert len(REASONS) == len(CORE) + len(POLICY)


def test_findings_name_their_own_file() -> None:
    for path, source in MODULES.items():
        own = path.removeprefix("remit/").removesuffix(".rego")
        assert set(re.findall(r"\"rule\": \"([^\"]+)\"", source)) <= {own}, path


def test_checked_strictly_with_portable_functions_only(opa) -> None:
    root = shipped_rego()
    argv = [opa, "check", "--strict", "--capabilities", root / "capabilities.json", root]
    done = _run(argv)
    assert done.returncode == 0, done.stderr


def test_the_portable_functions_are_opas_own(opa) -> None:
    """Declared as OPA declares them; and those that divergence or danger excludes are not among them."""
    argv = [opa, "capabilities", "--current"]
    current = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    declared = {builtin["name"]: _bare(builtin) for builtin in current["builtins"]}
    portable = json.loads((shipped_rego() / "capabilities.json").read_text())
    assert all(declared[builtin["name"]] == builtin for builtin in portable["builtins"])
    assert portable["allow_net"] == []
    banned = r"http\.|io\.|crypto\.|net\.|opa\.|rand\.|rego\.|uuid\.|time\.now|graphql|providers|trace|print"
    assert not [b["name"] for b in portable["builtins"] if re.match(banned, b["name"])]


def _run(argv) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, check=False, capture_output=True, text=True)


def _bare(value):
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k not in {"description", "categories"}}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def test_formatted_and_fully_covered(opa) -> None:
    root = shipped_rego()
    assert _run([opa, "fmt", "--list", "--fail", root]).stdout == ""
    argv = [opa, "test", "--coverage", "--threshold=100", root]
    done = _run(argv)
    assert done.returncode == 0, done.stdout[-2000:]
