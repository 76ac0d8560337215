"""What an organisation adds is read, checked and listed explicitly."""

from __future__ import annotations

import pytest

from remit.errors import ConfigError
from remit.policy import bundle
from remit.policy.bundle import (
    check_portable,
    extension_packages,
    gather_module,
    read_extensions,
    read_modules,
)

GOOD = 'package custom.shop.call\n\nimport rego.v1\n\npackages contains "custom/shop/call"\n'


def test_the_shipped_rego_is_found_and_has_no_tests_in_it() -> None:
    modules = read_modules(bundle.shipped_rego())
    assert "remit/call/decision.rego" in modules
    assert not [path for path in modules if "test" in path]


def test_it_is_found_in_a_wheel(tmp_path, monkeypatch) -> None:
    package = tmp_path / "remit"
    (package / "_rego" / "remit").mkdir(parents=True)
    monkeypatch.setattr(bundle, "__file__", str(package / "policy" / "bundle.py"))
    assert bundle.shipped_rego() == package / "_rego"


def test_a_wheel_without_it_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(bundle, "__file__", str(tmp_path / "a" / "b" / "policy" / "bundle.py"))
    with pytest.raises(ConfigError, match="install remit again"):
        bundle.shipped_rego()


def test_extensions_are_read_without_their_tests(tmp_path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "call.rego").write_text(GOOD)
    (tmp_path / "shop" / "call_test.rego").write_text("package anything")
    assert read_extensions(tmp_path) == {"custom/shop/call.rego": GOOD}


@pytest.mark.parametrize(
    ("source", "line", "problem"),
    [
        ("package remit.call\n\nimport rego.v1\n", 1, "custom"),
        ("# custom\n\npackage remit.call # package custom.x.call\n\nimport rego.v1\n", 3, "custom"),
        ("package custom\n\nimport rego.v1\n", 1, "custom"),
        ("package custom.x.call import rego.v1\n", 1, "custom"),
        ("package custom.Shop.call\n", 1, "custom"),
        ("", 1, "custom"),
        ("package custom.x.call\n\na := 1\n", 1, "import rego.v1"),
        ('package custom.x.call\n\na := "\nimport rego.v1\n"\n', 3, ""),
        ("package custom.x.call\nimport rego.v1\n\na if not b\n", 4, "import future.keywords.not"),
        ("package custom.x.call\nimport rego.v1\nimport data.custom.y\n", 3, "alias"),
        ("package custom.x.call\nimport rego.v1\na := http.send({})\n", 3, "http.send"),
        ("package custom.x.call\nimport rego.v1\na := `\n`\nb := time.now_ns()\n", 5, "time.now_ns"),
        ("package custom.x.call\nimport rego.v1\na := io.jwt.decode(input.t)\n", 3, "io.jwt"),
        ("package custom.x.call\nimport rego.v1\na := data.remit.call.allow\n", 3, "data.remit.call"),
        ("package custom.x.call\nimport rego.v1\na if print(input)\n", 3, "print"),
    ],
)
def test_what_is_not_portable_is_refused_by_line(source: str, line: int, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_portable("x.rego", source)
    if problem:
        assert refused.value.where == f"x.rego:{line}"
        assert problem in refused.value.problem


@pytest.mark.parametrize(
    "source",
    [
        GOOD,
        "# a comment\n\n" + GOOD,
        GOOD + '\na := "do not print(http.send)"\n',
        GOOD + "\n# not a negation\n",
        GOOD.replace("import rego", "import future.keywords.not\nimport rego")
        + "\na if not b\n\nb if input.c\n",
    ],
)
def test_what_is_portable_is_not(source: str) -> None:
    assert check_portable("x.rego", source) == "custom.shop.call"


def test_packages_answer_the_question_that_they_are_named_for() -> None:
    library = "package custom.shop.lib\n\nimport rego.v1\n"
    found = extension_packages({"a": GOOD, "b": library, "c": GOOD.replace("shop", "art")})
    assert found == {"run": (), "plan": (), "call": ("custom.art.call", "custom.shop.call")}


def test_a_package_that_does_not_say_that_it_was_evaluated_is_refused() -> None:
    with pytest.raises(ConfigError, match="proves that it was evaluated"):
        extension_packages({"a": "package custom.shop.run\n\nimport rego.v1\n"})


def test_the_gathering_module_is_deterministic_and_explicit() -> None:
    text = gather_module("call", ("custom.a.call", "custom.b.call"))
    assert text == gather_module("call", ("custom.a.call", "custom.b.call"))
    assert text.startswith("# Generated at activation")
    assert '{"rule": "custom/b/call", "part": "hold", "value": data.custom.b.call.hold}' in text
    assert "_said := set()" in gather_module("run", ())


def test_too_long_too_many_and_none(tmp_path, monkeypatch) -> None:
    with pytest.raises(ConfigError, match="between 1"):
        read_modules(tmp_path)
    (tmp_path / "a.rego").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_modules(tmp_path)
    monkeypatch.setattr(bundle, "MAX_MODULE_BYTES", 0)
    with pytest.raises(ConfigError, match="longer"):
        read_modules(tmp_path)
