"""Is one set of constraints provably within another? *No* when it cannot be shown.

Sound, not complete: ``within(inner, outer)`` means that whatever satisfies ``inner`` satisfies
``outer``; a property test holds it to that. What cannot be shown is treated as wider, and goes to
policy; and its tokens are checked one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from remit.core.constraints import formats
from remit.core.constraints.check import cost, holds
from remit.core.constraints.operators import SCALAR_OPERATORS, Declared, equal, identity
from remit.core.pointers import full
from remit.model.base import Json, JsonObject
from remit.model.constraint import Constraints, Operators, document

MAX_COMPARISONS: Final = 4096
"""How many operands one proof may look at, for value after value; who writes them decides how many."""


def within(inner: Constraints, outer: Constraints, parameters: JsonObject) -> bool:
    """Whether every set of arguments that satisfies ``inner`` provably satisfies ``outer``."""
    if equal(document(inner), document(outer)):
        return True
    proof = _Proof(Declared(parameters))
    by_pointer = {full(name): operators for name, operators in inner.items()}
    return all(
        full(name) in by_pointer and proof.implies(by_pointer[full(name)], operators)
        for name, operators in outer.items()
    )


class _Proof:
    """One bounded attempt; what it has not shown when it gives up, it has not shown."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._left = MAX_COMPARISONS

    def implies(self, inner: Operators, outer: Operators) -> bool:
        """Whether every value that satisfies ``inner`` provably satisfies ``outer``."""
        return all(self._implied(inner, operator, operand) for operator, operand in outer.given().items())

    def _implied(self, inner: Operators, operator: str, operand: Any) -> bool:
        """Whether every value that satisfies ``inner`` provably satisfies this one operator."""
        if not self._spend(1):
            return False
        listed = _listed(inner)
        if listed is not None:
            return self._each_implied(inner, listed, operator, operand)
        if inner.any is not None and all(self._implied(option, operator, operand) for option in inner.any):
            return True
        if operator == "any":
            return any(self.implies(inner, option) for option in operand)
        mine = inner.given().get(operator)
        if mine is None:
            return False
        if operator == "each":
            return isinstance(mine, Operators) and self.implies(mine, operand)
        if not (isinstance(mine, tuple) and isinstance(operand, tuple)):
            return _NARROWER[operator](mine, operand)
        if set(mine) <= set(operand):
            return True
        return self._spend(len(mine) * len(operand)) and _NARROWER[operator](mine, operand)

    def _each_implied(self, inner: Operators, listed: str, operator: str, operand: Any) -> bool:
        """The same for an ``inner`` that lists its values: each that the rest of it admits is looked at."""
        values = _members(listed, inner.given()[listed])
        rest = {name: given for name, given in inner.given().items() if name != listed}
        others = sum(cost(name, given) for name, given in rest.items())
        if operator in _LISTING:
            members = _members(operator, operand)
            price = len(values) * (1 + others) + len(members)
        else:
            price = len(values) * (others + cost(operator, operand))
        if not self._spend(price):
            return False
        possible = [v for v in values if all(holds(name, rest[name], v, self._declared) for name in rest)]
        if operator in _LISTING:
            return set(map(identity, possible)) <= set(map(identity, members))
        return all(holds(operator, operand, value, self._declared) for value in possible)

    def _spend(self, operands: int) -> bool:
        self._left -= operands
        return self._left >= 0


_LISTING: Final = ("const", "enum")
"""The operators that list the only values there can be."""


def _listed(operators: Operators) -> str | None:
    """The operator by which ``operators`` lists its values, if it does."""
    return next((operator for operator in _LISTING if operator in operators.given()), None)


def _members(operator: str, operand: Any) -> Sequence[Json]:
    return operand if operator == "enum" else (operand,)


def _all_in(test: Callable[[Any, Any], bool]) -> Callable[[Iterable[Any], Iterable[Any]], bool]:
    return lambda mine, theirs: all(any(test(one, other) for other in theirs) for one in mine)


def _glob_in(mine: str, other: str) -> bool:
    literal = not any(char in mine for char in "*?")
    return mine == other or (literal and SCALAR_OPERATORS["path_glob"]((other,), mine, Declared({})))


def _host_in(mine: str, other: str) -> bool:
    return mine.lower() == other.lower() or formats.host_matches(mine.lower().removeprefix("*"), other)


def _network_in(mine: str, other: str) -> bool:
    inner, outer = formats.network(mine), formats.network(other)
    return inner is not None and outer is not None and formats.inside(inner, outer)


def _source_in(mine: str, other: str) -> bool:
    return mine == other or mine.startswith(f"{other}/")


_NARROWER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "pattern": lambda mine, theirs: mine == theirs,
    "prefix": lambda mine, theirs: mine.startswith(theirs),
    "path_glob": _all_in(_glob_in),
    "min": lambda mine, theirs: mine >= theirs,
    "max": lambda mine, theirs: mine <= theirs,
    "min_length": lambda mine, theirs: mine >= theirs,
    "max_length": lambda mine, theirs: mine <= theirs,
    "email_domain": _all_in(lambda one, other: one.lower() == other.lower()),
    "url_host": _all_in(_host_in),
    "cidr": _all_in(_network_in),
    "from": _all_in(_source_in),
}
"""For each operator that does not list its values: does my operand admit no more than theirs."""
