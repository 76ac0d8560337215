"""Every operator, for values that satisfy it, that do not, and that are of another type."""

import json
from typing import Any

import pytest

from remit.core.constraints import violations
from remit.core.constraints.operators import SCALAR_OPERATORS, equal
from remit.model.constraint import Operators

PARAMETERS: Any = {"order": "4711", "to": ["a@x.org", {"deep": 7}], "yes": True, "none": None}

# operator, operand, what satisfies it, what does not
CASES: list[tuple[str, Any, list[Any], list[Any]]] = [
    ("const", 1, [1, 1.0], [True, "1", 2, None, [1]]),
    ("const", True, [True], [1, "true", False]),
    ("const", None, [None], [0, "", False, [], {}]),
    ("const", {"a": [1, {}]}, [{"a": [1.0, {}]}], [{"a": [1]}, {"a": [1, {}], "b": 1}, {"a": [1, []]}, {}]),
    ("enum", ["a", 2, [3]], ["a", 2.0, [3]], ["A", "2", 3, [], None]),
    ("pattern", "[a-z]+", ["abc"], ["", "abc\n", "\nabc", "abc1", 5, None, ["abc"]]),
    ("pattern", "a|bc", ["a", "bc"], ["abc", "ac"]),
    ("prefix", "ab", ["ab", "abc"], ["a", "Ab", " ab", 5, ["ab"]]),
    ("path_glob", ["docs/*.md"], ["docs/a.md"], ["docs/a/b.md", "docs/.md/x", "/docs/a.md", "docs/", 5]),
    ("path_glob", ["docs/**"], ["docs/a", "docs/a/b"], ["docs", "doc/a", "docs/../x", "docs//x"]),
    ("path_glob", ["a/?.t", "b"], ["a/x.t", "b"], ["a/xy.t", "a//.t", "bb"]),
    ("path_glob", ["a+b.t"], ["a+b.t"], ["aab.t", "a+bxt"]),
    ("min", 2, [2, 2.0, 3, 9007199254740991], [1, 1.999, True, "2", None]),
    ("max", 2, [2, -5, 1.5], [2.0001, True, "2", None]),
    ("min_length", 2, ["ab", [1, 2], "äö"], ["a", [1], 22, {"a": 1, "b": 2}]),
    ("max_length", 2, ["", "äö", []], ["abc", [1, 2, 3], 1, {}]),
    ("email_domain", ["X.org"], ["a@x.org", "a.b+c@X.ORG"], ["a@y.org", "a@sub.x.org", "x.org", "@x.org", 1]),
    ("url_host", ["x.org"], ["https://x.org", "http://X.org:8080/p?q#f"], ["https://a.x.org/", "x.org", 1]),
    (
        "url_host",
        ["*.x.org"],
        ["https://a.x.org/", "https://a.b.x.org"],
        ["https://x.org/", "https://ax.org/"],
    ),
    ("url_host", ["[::1]"], ["http://[::1]/", "http://[::1]:80"], ["http://[::2]/", "http://::1/"]),
    (
        "cidr",
        ["10.0.0.0/8"],
        ["10.1.2.3", "10.1.0.0/16", "::ffff:10.1.2.3"],
        ["11.0.0.1", "10.0.0.0/7", "::1"],
    ),
    ("cidr", ["2001:db8::/32"], ["2001:db8::5"], ["2001:db9::5", "10.0.0.1", 167772161]),
    ("each", {"min": 1}, [[], [1, 2]], [[0], [1, "2"], 1, {"0": 1}, "11"]),
    ("each", {"each": {"const": 1}}, [[[1], []]], [[1], [[2]]]),
    ("any", [{"const": 1}, {"prefix": "a"}], [1, "abc"], [2, "b", None]),
    ("any", [{"each": {"any": [{"min": 5}, {"const": "x"}]}}], [[5, "x"]], [[4], "x"]),
    ("from", ["parameters/order"], ["4711"], [4711, "4712", "a@x.org"]),
    ("from", ["parameters"], ["4711", "a@x.org", 7, 7.0, True, None], [1, "7", ["a@x.org"], {"deep": 7}]),
    ("from", ["parameters/to/0", "parameters/to/1/deep"], ["a@x.org", 7], ["4711", True]),
    ("from", ["parameters/nothing"], [], ["4711", None, ""]),
    ("from", ["parameters/to/00"], [], ["a@x.org"]),
]


def operators(**given: Any) -> Operators:
    return Operators.model_validate_json(json.dumps(given))


def holds(operator: str, operand: Any, value: Any) -> bool:
    return not violations({"a": operators(**{operator: operand})}, {"a": value}, PARAMETERS)


def test_every_operator_has_a_case() -> None:
    assert {case[0] for case in CASES} == {*SCALAR_OPERATORS, "each", "any"}
    assert {case[0] for case in CASES} == {f.alias or name for name, f in Operators.model_fields.items()}


@pytest.mark.parametrize(("operator", "operand", "good", "bad"), CASES)
def test_operator(operator: str, operand: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not holds(operator, operand, value)] == []
    assert [value for value in bad if holds(operator, operand, value)] == []


@pytest.mark.parametrize(("operator", "operand"), [case[:2] for case in CASES])
def test_an_absent_argument_violates_each_of_its_operators(operator: str, operand: Any) -> None:
    (broken,) = violations({"/b/c": operators(**{operator: operand})}, {"a": 1, "b": {}}, PARAMETERS)
    assert (broken.argument, broken.operator) == ("/b/c", operator)


def test_all_operators_of_an_argument_must_hold_and_each_broken_one_is_named() -> None:
    bounds = operators(min=1, max=3)
    assert violations({"a": bounds}, {"a": 2}, {}) == ()
    assert [v.operator for v in violations({"a": bounds}, {"a": 4}, {})] == ["max"]
    assert [v.operator for v in violations({"a": bounds}, {"a": "2"}, {})] == ["min", "max"]


def test_no_constraints_admit_everything() -> None:
    assert violations({}, {"a": object}, {}) == ()  # type: ignore[dict-item]


def test_a_pointer_reaches_into_objects_and_arrays() -> None:
    arguments = {"to": [{"a/b": {"~": 1}}]}
    assert violations({"/to/0/a~1b/~0": operators(const=1)}, arguments, {}) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (0.0, -0.0, True),
        (1, True, False),
        (0, False, False),
        (None, False, False),
        ("1", 1, False),
        (2**70, 2**70, True),
        (2**53, 2**53 + 1, False),
        (float(2**53), 2**53 + 1, False),
        ([], {}, False),
        ({"a": 1, "b": True}, {"b": True, "a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ("é", "e\u0301", False),
    ],
)
def test_json_equality(one: Any, other: Any, same: bool) -> None:
    assert (equal(one, other), equal(other, one)) == (same, same)
