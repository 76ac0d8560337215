"""Three values: where a value can be read, they agree with ``violations``; where not, nothing is sure."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.constraints import surely_not, violations
from remit.core.constraints.check import MAX_ELEMENTS
from remit.core.constraints.matching import _READABLE
from remit.core.constraints.operators import MAX_MATCHED_CHARS, SCALAR_OPERATORS
from remit.model.constraint import Operators

PARAMETERS: Any = {"to": ["a@x.org"], "count": 5, "none": []}

NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, -1.5])
TEXTS = st.sampled_from(["", "a", "ab", "b", "ba"])
NUMBER_OPERATORS = st.one_of(
    st.fixed_dictionaries({"const": NUMBERS}),
    st.fixed_dictionaries({"enum": st.lists(NUMBERS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"min": NUMBERS}),
    st.fixed_dictionaries({"max": NUMBERS}),
    st.just({"from": ["parameters/count"]}),
)
TEXT_OPERATORS = st.one_of(
    st.fixed_dictionaries({"const": TEXTS}),
    st.fixed_dictionaries({"enum": st.lists(TEXTS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"pattern": st.sampled_from(["a.*", ".*b", "a|b", ""])}),
    st.fixed_dictionaries({"prefix": TEXTS}),
    st.fixed_dictionaries({"min_length": st.integers(0, 2), "max_length": st.integers(0, 2)}),
    st.just({"from": ["parameters/to"]}),
)


def combined(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return leaf | st.fixed_dictionaries({"any": st.lists(leaf, min_size=1, max_size=3)})


READABLE = st.one_of(
    st.tuples(combined(NUMBER_OPERATORS), NUMBERS),
    st.tuples(combined(TEXT_OPERATORS), TEXTS),
    st.tuples(
        st.fixed_dictionaries({"each": combined(NUMBER_OPERATORS)}), st.lists(NUMBERS, min_size=1, max_size=3)
    ),
)


def operators(given_: Any) -> Operators:
    return Operators.model_validate_json(json.dumps(given_))


def no(given_: Any, value: Any, parameters: Any = PARAMETERS) -> bool:
    return surely_not({"a": operators(given_)}, {"a": value}, parameters)


@settings(max_examples=300, deadline=None)
@given(READABLE)
def test_of_what_can_be_read_it_says_the_opposite_of_holding(case: tuple[Any, Any]) -> None:
    given_, value = case
    assert no(given_, value) == bool(violations({"a": operators(given_)}, {"a": value}, PARAMETERS))


def test_every_operator_is_in_both_tables() -> None:
    assert _READABLE.keys() == SCALAR_OPERATORS.keys()


SURE: list[tuple[Any, Any]] = [
    ({"const": 5}, 6),
    ({"enum": ["a", 5]}, "b"),
    ({"const": {"a": 1}}, {"a": 2}),
    ({"pattern": ".*x.*"}, "a\nb"),
    ({"path_glob": ["docs/secret/**"]}, "docs/open/x"),
    ({"email_domain": ["x.org"]}, "a@y.org"),
    ({"url_host": ["x.org"]}, "https://y.org/"),
    ({"cidr": ["10.0.0.0/8"]}, "11.0.0.0/8"),
    ({"cidr": ["10.0.0.0/8"]}, "2001:db8::/32"),
    ({"from": ["parameters/to"]}, "b@x.org"),
    ({"from": ["parameters/to", "parameters/count"]}, 6),
    ({"each": {"min": 5}}, [9, "9", 1]),
    ({"any": [{"min": 5}, {"const": 1}]}, 2),
    ({"min": 5, "pattern": "x"}, 4),
]
UNSURE: list[tuple[Any, Any]] = [
    ({"const": 5}, "5"),
    ({"const": 1}, True),
    ({"enum": ["a", 5]}, None),
    ({"min": 5}, "9"),
    ({"max": 5}, True),
    ({"min_length": 2}, {"a": 1}),
    ({"prefix": "a"}, ["a"]),
    ({"pattern": ".*secret.*"}, " " * MAX_MATCHED_CHARS + "secret"),
    ({"pattern": ".*secret.*"}, "\nsecret"),
    ({"path_glob": ["docs/secret/**"]}, "docs//secret/x"),
    ({"path_glob": ["docs/secret/**"]}, "docs/./secret/x"),
    ({"path_glob": ["docs/secret/**"]}, "docs/open/../secret/x"),
    ({"email_domain": ["x.org"]}, "A <a@x.org>"),
    ({"url_host": ["x.org"]}, "https://u@x.org/"),
    ({"cidr": ["10.0.0.0/8"]}, "010.0.0.1"),
    ({"cidr": ["10.0.0.0/8"]}, "0.0.0.0/0"),
    ({"cidr": ["10.0.0.0/8"]}, "::/0"),
    ({"cidr": ["10.0.0.0/8", "192.168.0.0/16"]}, "192.0.0.0/2"),
    ({"from": ["parameters/none"]}, "x"),
    ({"from": ["parameters/missing"]}, "x"),
    ({"from": ["parameters/to", "parameters/missing"]}, "x"),
    ({"from": ["parameters/count"]}, "5"),
    ({"from": ["parameters/to"]}, ["a@x.org"]),
    ({"each": {"min": 5}}, 9),
    ({"each": {"min": 5}}, [9, "1"]),
    ({"each": {"min": 5}}, [1] * (MAX_ELEMENTS + 1)),
    ({"any": [{"min": 5}, {"prefix": "x"}]}, 4),
    ({"any": [{"each": {"min": 5}}, {"const": 7}]}, 4),
]


@pytest.mark.parametrize(("given_", "value"), SURE)
def test_surely_not(given_: Any, value: Any) -> None:
    assert no(given_, value)


@pytest.mark.parametrize(("given_", "value"), UNSURE)
def test_cannot_tell(given_: Any, value: Any) -> None:
    assert not no(given_, value)
    assert violations({"a": operators(given_)}, {"a": value}, PARAMETERS)


def test_nothing_declared_leaves_open_what_is_declared() -> None:
    assert not no({"from": ["parameters"]}, "x", {})


def test_an_absent_argument_leaves_it_to_the_others() -> None:
    rule = {"amount": operators({"min": 500}), "to": operators({"const": "DE1"})}
    assert not surely_not(rule, {"to": "DE1"}, {})
    assert not surely_not(rule, {}, {})
    assert surely_not(rule, {"to": "DE2"}, {})


def test_a_rule_without_conditions_is_about_every_call() -> None:
    assert not surely_not({}, {"a": 1}, {})
