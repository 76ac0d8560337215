"""YAML as JSON's data model: what a reviewer reads is what is loaded, and an error names the line."""

from typing import Any

import pytest

from remit.core.documents import MAX_DOCUMENT_CHARS, MAX_DOCUMENT_DEPTH, Document
from remit.errors import ConfigError
from remit.model.organisation import AgentEntry

AGENT = """\
id: spiffe://shop/desk
owner: olga@shop.example
environments:
  - test
"""


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        Document(text, "f.yaml")
    return error.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1", {"a": 1}),
        ("a: -1.5e+3", {"a": -1500.0}),
        ("a: [true, false, null, ~, ]", {"a": [True, False, None, None]}),
        ("a:", {"a": None}),
        ("a: 2027-01-01", {"a": "2027-01-01"}),
        ("a: '010'", {"a": "010"}),
        ("a: 1e3", {"a": "1e3"}),
        ("on: x\n1: y", {"on": "x", "1": "y"}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("a: !!str 5", {"a": "5"}),
        ("a: 18446744073709551616", {"a": 18446744073709551616}),
    ],
)
def test_read(text: str, value: Any) -> None:
    assert Document(text, "f").value == value


@pytest.mark.parametrize(
    "scalar",
    [
        "no",
        "Yes",
        "on",
        "OFF",
        "010",
        "0x1f",
        "0b1",
        "1_000",
        "1:30",
        ".inf",
        "-.inf",
        ".nan",
        "1.",
        ".5",
        "+1",
        "True",
        "NULL",
    ],
)
def test_what_yaml_reads_its_own_way_is_refused(scalar: str) -> None:
    error = refused(f"ok: 1\na: {scalar}")
    assert error.where == "f.yaml:2"
    assert "quote it" in error.problem


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\nb: &x 1", "f.yaml:2"),
        ("a: 1\nb: *x", "f.yaml:2"),
        ("a: 1\n<<: {b: 1}", "f.yaml:2"),
        ("a: 1\na: 2", "f.yaml:2"),
        ("a: 1\n'a': 2", "f.yaml:2"),
        ("1: 1\n'1': 2", "f.yaml:2"),
        ("a: 1\nb: !!binary aGk=", "f.yaml:2"),
        ("a: 1\nb: !!python/object/apply:os.system [x]", "f.yaml:2"),
        ("a: 1\nb: !custom x", "f.yaml:2"),
        ("a: 1\n? [x]\n: 2", "f.yaml:2"),
        ("a: 1\n--- \nb: 2", "f.yaml:2"),
        ("a: [1", "f.yaml:2"),
        ("!!set {a: }", "f.yaml:1"),
        ("a: 1\n!!binary aGk=: 1", "f.yaml:2"),
        ("a: 1\n\tb: 2", "f.yaml:2"),
        ("a: \x00", "f.yaml"),
    ],
)
def test_refused_at_its_line(text: str, where: str) -> None:
    assert refused(text).where == where


def test_depth_is_bounded_before_the_parser_builds_anything() -> None:
    Document("[" * MAX_DOCUMENT_DEPTH + "]" * MAX_DOCUMENT_DEPTH, "f")
    assert "nested deeper" in refused("[" * 200_000).problem
    assert "nested deeper" in refused("{a: " * 200_000).problem


def test_size_is_bounded() -> None:
    assert "longer" in refused("#" * (MAX_DOCUMENT_CHARS + 1)).problem


def test_a_model() -> None:
    assert Document(AGENT, "f").model(AgentEntry).environments == ("test",)


@pytest.mark.parametrize(
    ("text", "where", "path"),
    [
        (AGENT.replace("- test", "- Test!"), "f.yaml:4", "environments.0"),
        (AGENT.replace("olga@", "ol ga@"), "f.yaml:2", "owner"),
        (AGENT + "more: 1\n", "f.yaml:5", "more"),
        (AGENT.replace("owner: olga@shop.example\n", ""), "f.yaml:1", "owner"),
        ("", "f.yaml:1", ""),
    ],
)
def test_a_model_that_does_not_fit_is_named_by_line_and_field(text: str, where: str, path: str) -> None:
    with pytest.raises(ConfigError) as error:
        Document(text, "f.yaml").model(AgentEntry)
    assert error.value.where == where
    assert error.value.problem.startswith(f"{path}: ")
