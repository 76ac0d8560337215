"""Is one set of constraints provably within another? *No* when it cannot be shown.

Sound, not complete: ``within(inner, outer)`` means that whatever satisfies ``inner`` satisfies
``outer``; a property test holds it to that. What cannot be shown is treated as wider, and goes to
policy; and its tokens are checked one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from remit.core.constraints import formats
from remit.core.constraints.check import holds, satisfies
from remit.core.constraints.operators import SCALAR_OPERATORS, Declared, equal
from remit.core.pointers import full
from remit.model.base import Json, JsonObject
from remit.model.constraint import Constraints, Operators, document

MAX_COMPARISONS: Final = 4096
"""How many single operators one proof may look at; who nests alternatives decides how many there are."""


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
        self._left -= 1
        if self._left < 0:
            return False
        values = _finite(inner)
        if values is not None:
            possible = (value for value in values if satisfies(inner, value, self._declared))
            return all(holds(operator, operand, value, self._declared) for value in possible)
        if inner.any is not None and all(self._implied(option, operator, operand) for option in inner.any):
            return True
        if operator == "any":
            return any(self.implies(inner, option) for option in operand)
        mine = inner.given().get(operator)
        if mine is None:
            return False
        if operator == "each":
            return isinstance(mine, Operators) and self.implies(mine, operand)
        return _NARROWER[operator](mine, operand)


def _finite(operators: Operators) -> list[Json] | None:
    """The only values that can satisfy ``operators``, when they are listed."""
    given = operators.given()
    if "const" in given:
        return [operators.const]
    return list(operators.enum) if operators.enum is not None else None


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
