"""Attack: constraints and arguments made so that judging one call keeps the gateway busy for minutes.

A plan's constraints are the agent's own words, and so are a call's arguments: neither may multiply.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from remit.core.constraints import violations, within
from remit.core.constraints.check import MAX_ELEMENTS, MAX_EXPRESSIONS, MAX_OPERANDS
from remit.core.constraints.operators import MAX_MATCHED_CHARS, expression
from remit.core.planning import check_steps
from remit.errors import FieldError
from remit.model.constraint import Operators
from remit.model.plan import StepSpec

BUSY_S = 5.0
"""Far above what these take (a second at most), far below what they took (minutes)."""


def operators(given: Any) -> Operators:
    return Operators.model_validate_json(json.dumps(given))


def in_time(work: Callable[[], object]) -> None:
    before = time.perf_counter()
    work()
    assert time.perf_counter() - before < BUSY_S


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(.*)*b", "(a*)*(a*)*b"])
def test_an_expression_is_linear(pattern: str) -> None:
    text = "a" * 100_000
    in_time(lambda: expression(pattern).fullmatch(text))
    in_time(lambda: violations({"a": operators({"pattern": pattern})}, {"a": text}, {}))


def test_a_glob_is_linear() -> None:
    glob = operators({"path_glob": ["*a" * 500 + "b"]})
    in_time(lambda: violations({"a": glob}, {"a": "a" * 4096}, {}))


def test_a_list_against_declared_values_is_not_quadratic() -> None:
    many = [f"user{n}@x.org" for n in range(MAX_ELEMENTS)]
    each = {"to": operators({"each": {"from": ["parameters/to"]}})}
    in_time(lambda: violations(each, {"to": list(reversed(many))}, {"to": many}))  # type: ignore[dict-item]


def test_a_large_value_is_not_read_again_for_each_alternative() -> None:
    large = {"rows": ["x" * 10] * 20_000}
    listed = {"a": operators({"enum": list(range(256))})}
    in_time(lambda: [violations(listed, {"a": large}, {}) for _ in range(100)])  # type: ignore[dict-item]


def nested(leaf: Any, width: int, depth: int) -> Any:
    return leaf if depth == 0 else {"any": [nested(leaf, width, depth - 1)] * width}


def test_a_proof_gives_up_and_what_it_has_not_shown_is_wider() -> None:
    inner = operators(nested({"prefix": "x", "min": 1}, 10, 3))
    outer = operators(nested({"prefix": "x", "max": 1}, 10, 3))
    in_time(lambda: within({"a": inner}, {"a": outer}, {}))
    assert not within({"a": inner}, {"a": outer}, {})


@pytest.mark.parametrize("operator", ["enum", "path_glob", "url_host"])
def test_a_proof_pays_for_each_pair_that_it_compares(operator: str) -> None:
    listed = [f"{'y' * 60}{n}" for n in range(250)]
    inner = {f"a{n}": operators({operator: listed}) for n in range(16)}
    outer = {f"a{n}": operators({operator: [text.upper() for text in listed[::-1]]}) for n in range(16)}
    before = time.perf_counter()
    within(inner, outer, {})
    assert time.perf_counter() - before < 0.5


def test_expressions_are_counted_before_any_is_compiled() -> None:
    before = expression.cache_info().misses
    slow = [{"pattern": rf"\pL{{1,10}}z{n}"} for n in range(MAX_EXPRESSIONS + 1)]
    with pytest.raises(FieldError, match="expressions"):
        check_steps([step(f"s{n}", *slow[n : n + 60]) for n in range(0, len(slow), 60)])
    assert expression.cache_info().misses == before


def test_programs_are_counted_as_they_are_compiled() -> None:
    before = expression.cache_info().misses
    slow = [{"pattern": rf"\pL{{1,10}}y{n}"} for n in range(MAX_EXPRESSIONS)]
    with pytest.raises(FieldError, match="operands"):
        check_steps([step(f"s{n}", *slow[n : n + 60]) for n in range(0, len(slow), 60)])
    assert expression.cache_info().misses - before < 10
    with pytest.raises(FieldError, match="RE2"):
        check_steps([step("s", {"pattern": r"\pL{1,40}z"})])


def test_long_texts_and_arrays_satisfy_nothing_that_would_be_slow_on_them() -> None:
    assert violations({"a": operators({"pattern": ".*"})}, {"a": "a" * (MAX_MATCHED_CHARS + 1)}, {})
    assert violations({"a": operators({"path_glob": ["**"]})}, {"a": "a" * 4097}, {})
    assert violations({"a": operators({"each": {"min": 0}})}, {"a": [1] * (MAX_ELEMENTS + 1)}, {})
    assert not violations({"a": operators({"each": {"min": 0}})}, {"a": [1] * MAX_ELEMENTS}, {})


def step(step_id: str, *given: Any) -> StepSpec:
    constraints = {f"a{n}": operators(one) for n, one in enumerate(given)}
    return StepSpec(id=step_id, tool="t", constraints=constraints)


def test_a_plan_says_only_so_much() -> None:
    full = [{"enum": list(range(255))}] * 16
    check_steps([step("s", *full)])
    assert MAX_OPERANDS == 16 * 256
    with pytest.raises(FieldError, match="operands"):
        check_steps([step("s", *full), step("t", {"min": 1})])


def test_alternatives_for_each_element_use_a_plan_up() -> None:
    def listed(count: int) -> Any:
        return {"each": {"any": [{"const": n} for n in range(count)]}}

    most = operators(listed(250))
    check_steps([step("s", listed(250))])
    in_time(lambda: violations({"a": most}, {"a": [249] * MAX_ELEMENTS}, {}))  # type: ignore[dict-item]
    with pytest.raises(FieldError, match="operands"):
        check_steps([step("s", listed(250), listed(250))])


def test_large_expressions_use_a_plan_up() -> None:
    slow = {"pattern": "(a?){900}"}
    check_steps([step("s", slow)])
    with pytest.raises(FieldError, match="operands"):
        check_steps([step("s", *[slow] * 20)])
