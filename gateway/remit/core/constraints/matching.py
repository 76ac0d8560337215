"""Is it sure that a call is not one of those that a rule describes? Three values: yes, no, cannot tell.

For holds. An operator says *no* to what it cannot read, which is right for what grants and wrong for
what holds: a rule must never be passed by writing an argument oddly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

from remit.core.constraints import formats
from remit.core.constraints.check import MAX_ELEMENTS
from remit.core.constraints.operators import (
    MAX_MATCHED_CHARS,
    SCALAR_OPERATORS,
    Declared,
    expression,
    kind,
    number,
)
from remit.core.pointers import ABSENT, full, resolve
from remit.model.base import Json, JsonObject
from remit.model.constraint import Constraints, Operators

Truth: TypeAlias = bool | None
"""``None``: cannot tell."""


def surely_not(constraints: Constraints, arguments: JsonObject, parameters: JsonObject) -> bool:
    """Whether one of ``constraints`` was read and does not hold, so that the rule is not about this call.

    An argument that is absent cannot be read: the tool then uses a value that nobody here sees.
    ``parameters`` are the intent's, for ``from``.
    """
    declared = Declared(parameters)
    values = ((resolve(arguments, full(name)), operators) for name, operators in constraints.items())
    return any(
        value is not ABSENT and _satisfied(operators, value, declared) is False  # type: ignore[arg-type]
        for value, operators in values
    )


def _satisfied(operators: Operators, value: Json, declared: Declared) -> Truth:
    return _all(_holds(operator, operand, value, declared) for operator, operand in operators.given().items())


def _holds(operator: str, operand: Any, value: Json, declared: Declared) -> Truth:
    if operator == "each":
        if not isinstance(value, list) or len(value) > MAX_ELEMENTS:
            return None
        return _all(_satisfied(operand, item, declared) for item in value)
    if operator == "any":
        return _any(_satisfied(alternative, value, declared) for alternative in operand)
    if SCALAR_OPERATORS[operator](operand, value, declared):
        return True
    return False if _READABLE[operator](operand, value, declared) else None


def _all(truths: Iterable[Truth]) -> Truth:
    """Kleene's conjunction: one *no* decides, then one *cannot tell*."""
    found = set(truths)
    return False if False in found else None if None in found else True


def _any(truths: Iterable[Truth]) -> Truth:
    """Kleene's disjunction: one *yes* decides, then one *cannot tell*."""
    found = set(truths)
    return True if True in found else None if None in found else False


# --- whether an operator's "no" can be relied on --------------------------------------------------


Readable: TypeAlias = Callable[[Any, Json, Declared], bool]


def _text(test: Callable[[Any, str], bool]) -> Readable:
    return lambda operand, value, _: isinstance(value, str) and test(operand, value)


def _like_one(members: Iterable[Json], value: Json) -> bool:
    """Whether ``value`` is of the JSON type of one of ``members``: ``"5"`` may be read as ``5``."""
    return kind(value) in map(kind, members)


def _pattern(pattern: str, value: str) -> bool:
    """Not one that only a line break keeps from matching: ``.*secret.*`` means what follows one, too."""
    return len(value) <= MAX_MATCHED_CHARS and expression(f"(?s){pattern}").fullmatch(value) is None


def _cidr(networks: Sequence[str], value: str) -> bool:
    """Not a network that takes in some of these, or a part of one."""
    found = formats.network(value)
    outer = [parsed for text in networks if (parsed := formats.network(text)) is not None]
    return found is not None and not any(formats.overlap(found, network) for network in outer)


def _declared(sources: Sequence[str], value: Json, declared: Declared) -> bool:
    kinds = [declared.kinds(source) for source in sources]
    return all(kinds) and any(kind(value) in found for found in kinds)


_READABLE: Final[dict[str, Readable]] = {
    "const": lambda operand, value, _: _like_one([operand], value),
    "enum": lambda operand, value, _: _like_one(operand, value),
    "pattern": _text(_pattern),
    "prefix": _text(lambda _, __: True),
    "path_glob": _text(lambda _, value: formats.normal_path(value)),
    "min": lambda _, value, __: number(value),
    "max": lambda _, value, __: number(value),
    "min_length": lambda _, value, __: isinstance(value, str | list),
    "max_length": lambda _, value, __: isinstance(value, str | list),
    "email_domain": _text(lambda _, value: formats.email_domain(value) is not None),
    "url_host": _text(lambda _, value: formats.url_host(value) is not None),
    "cidr": _text(_cidr),
    "from": _declared,
}
"""For each of ``SCALAR_OPERATORS``: whether it read the value that it says *no* to."""
