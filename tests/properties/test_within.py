"""``within`` is sound, reflexive and (where it holds) transitive, for constraints that overlap a lot.

Everything is drawn from a handful of values, so that one constraint is often within another and an
argument often satisfies both; a test counts that, because a property of nothing proves nothing.
"""

import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.canonical import canonical
from remit.core.constraints import check, violations, within
from remit.errors import FieldError
from remit.model.constraint import Constraints, Operators

PARAMETERS: Any = {"to": ["a@x.org", "docs/a"], "n": 1, "yes": True}

NUMBERS = st.sampled_from([0, 1, 1.0, 2, 3])
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "ab",
        "docs/a",
        "docs/a/b",
        "a@x.org",
        "a@s.x.org",
        "https://x.org/",
        "https://s.x.org/",
        "10.0.0.1",
        "10.9.0.0/16",
    ]
)
SCALARS = st.one_of(NUMBERS, TEXTS, st.sampled_from([True, False, None]))
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.lists(st.lists(NUMBERS, max_size=2), max_size=2)
)


def some(*values: str, most: int = 2) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most)


OPERANDS: dict[str, st.SearchStrategy[Any]] = {
    "const": SCALARS,
    "enum": st.lists(SCALARS, min_size=1, max_size=4),
    "pattern": st.sampled_from(["a.*", "[a-z/]*", ".*"]),
    "prefix": st.sampled_from(["", "a", "ab", "docs/"]),
    "path_glob": some("docs/*", "docs/**", "docs/a", "**"),
    "min": NUMBERS,
    "max": NUMBERS,
    "min_length": st.integers(0, 3),
    "max_length": st.integers(1, 20),
    "email_domain": some("x.org", "X.ORG", "s.x.org"),
    "url_host": some("x.org", "*.x.org", "s.x.org", "*.org"),
    "cidr": some("10.0.0.0/8", "10.0.0.0/16", "0.0.0.0/0", "10.9.1.0/24"),
    "from": some("parameters", "parameters/to", "parameters/to/0", "parameters/n"),
}
PLAIN = st.sampled_from(sorted(OPERANDS)).flatmap(
    lambda name: OPERANDS[name].map(lambda operand: {name: operand})
)
PAIRS = st.lists(PLAIN, min_size=1, max_size=2).map(
    lambda given: {k: v for one in given for k, v in one.items()}
)
NESTED = st.recursive(
    PAIRS,
    lambda inner: st.one_of(
        inner.map(lambda each: {"each": each}),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: {"any": options}),
        st.tuples(st.lists(inner, min_size=1, max_size=2), PAIRS).map(lambda p: {"any": p[0], **p[1]}),
    ),
    max_leaves=4,
)
SETS = st.dictionaries(st.sampled_from(["a", "/b", "/b/0"]), NESTED, max_size=2)
ARGUMENTS = st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES})


def narrowed(given: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Changes of one set that are often, not always, narrower."""
    return st.one_of(
        st.just(given),
        st.dictionaries(st.sampled_from(["a", "/b"]), NESTED, max_size=1).map(lambda more: {**more, **given}),
        st.dictionaries(st.sampled_from(["a", "/b"]), PLAIN, max_size=1).map(
            lambda more: {n: {**given.get(n, {}), **more.get(n, {})} for n in {*given, *more}}
        ),
        st.just({n: {"any": [o, o]} for n, o in given.items()}),
        SETS,
    )


CHAINS = SETS.flatmap(
    lambda outer: narrowed(outer).flatmap(
        lambda inner: st.tuples(narrowed(inner), st.just(inner), st.just(outer))
    )
)


def built(given: dict[str, Any]) -> Constraints:
    return {name: Operators.model_validate_json(json.dumps(operators)) for name, operators in given.items()}


def sound(given: dict[str, Any]) -> bool:
    try:
        check({"constraints": built(given)}, "constraints")
    except FieldError:
        return False
    return True


SEEN: Counter[str] = Counter()


@settings(max_examples=400, deadline=None, derandomize=True)
@given(CHAINS, st.lists(ARGUMENTS, min_size=4, max_size=8))
def _sound(chain: tuple[Any, Any, Any], tried: list[Any]) -> None:
    inner, outer = built(chain[1]), built(chain[2])
    SEEN["all"] += 1
    if not within(inner, outer, PARAMETERS):
        return
    SEEN["within"] += 1
    SEEN["within, and not the same"] += chain[1] != chain[2]
    satisfied = [one for one in tried if not violations(inner, one, PARAMETERS)]
    SEEN["within and satisfied"] += bool(satisfied)
    for one in satisfied:
        assert violations(outer, one, PARAMETERS) == ()


def test_what_satisfies_the_inner_satisfies_the_outer() -> None:
    SEEN.clear()
    _sound()
    assert SEEN["within"] > SEEN["all"] / 4
    assert SEEN["within, and not the same"] > SEEN["all"] / 10
    assert SEEN["within and satisfied"] > SEEN["all"] / 10


@settings(max_examples=300, deadline=None)
@given(NESTED, NESTED, st.lists(VALUES, min_size=8, max_size=16))
def test_sound_for_constraints_drawn_apart(inner: Any, outer: Any, values: list[Any]) -> None:
    one, other = built({"a": inner}), built({"a": outer})
    if within(one, other, PARAMETERS):
        for value in values:
            if not violations(one, {"a": value}, PARAMETERS):
                assert violations(other, {"a": value}, PARAMETERS) == ()


@settings(max_examples=300, deadline=None)
@given(SETS)
def test_reflexive(given_set: Any) -> None:
    assert within(built(given_set), built(given_set), PARAMETERS)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(CHAINS)
def test_transitive_where_both_hold(chain: tuple[Any, Any, Any]) -> None:
    """What is narrower than a narrower plan is not *shown* to be so each time, but is never wider."""
    least, middle, most = map(built, chain)
    if within(least, middle, PARAMETERS) and within(middle, most, PARAMETERS):
        assert within(least, most, PARAMETERS)


@settings(max_examples=150, deadline=None)
@given(SETS, ARGUMENTS)
def test_what_passes_check_can_be_evaluated_and_hashed(given_set: Any, arguments: Any) -> None:
    if sound(given_set):
        constraints = built(given_set)
        violations(constraints, arguments, PARAMETERS)
        dumped: Any = {name: operators.model_dump(mode="json") for name, operators in constraints.items()}
        assert built(json.loads(canonical(dumped))) == constraints
