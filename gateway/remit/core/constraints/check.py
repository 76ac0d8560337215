"""Do these arguments satisfy these constraints; and are the constraints themselves sound."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from remit.core.canonical import canonical, read_object
from remit.core.constraints import formats
from remit.core.constraints.operators import SCALAR_OPERATORS, Declared, expression
from remit.core.pointers import ABSENT, full, resolve
from remit.errors import FieldError
from remit.model.base import Json, JsonObject
from remit.model.constraint import MAX_DEPTH, Constraints, Operators
from remit.model.question import Violation

_POINTER: Final = re.compile(r"(/([^~/]|~[01])+)+")
"""RFC 6901, but for empty names, which are a slip of the pen more often than an argument."""


MAX_OPERANDS: Final = 4096
"""How many operands a plan's or a template's constraints may have in all; a call can meet each of them."""
MAX_EXPRESSIONS: Final = 256
"""How many different RE2 expressions they may have in all; each is compiled, and kept while there is room."""
MAX_ELEMENTS: Final = 1024
"""The longest array that ``each`` looks through."""
_EACH: Final = 8
"""How much more an operand weighs under ``each``, where it is met by element after element."""
_INSTRUCTIONS_PER_OPERAND: Final = 16
"""How much of an expression's program weighs as much as comparing with one value."""
_TOO_MANY: Final = f"constraints with more than {MAX_OPERANDS} operands in all"


def violations(
    constraints: Constraints, arguments: JsonObject, parameters: JsonObject
) -> tuple[Violation, ...]:
    """Every constraint that does not hold, by argument and operator; empty when all do.

    An argument that is absent violates each of its operators: a constraint on it means that it must
    be there. ``parameters`` are the intent's, for ``from``.
    """
    declared = Declared(parameters)
    found: list[Violation] = []
    for name, operators in constraints.items():
        value = resolve(arguments, full(name))
        broken = (
            list(operators.given()) if value is ABSENT else _broken(operators, value, declared)  # type: ignore[arg-type]
        )
        found.extend(Violation(argument=name, operator=operator) for operator in broken)
    return tuple(found)


def satisfies(operators: Operators, value: Json, declared: Declared) -> bool:
    """Whether ``value`` satisfies all of ``operators``."""
    return not _broken(operators, value, declared)


def _broken(operators: Operators, value: Json, declared: Declared) -> list[str]:
    return [
        operator
        for operator, operand in operators.given().items()
        if not holds(operator, operand, value, declared)
    ]


def holds(operator: str, operand: Any, value: Json, declared: Declared) -> bool:
    """Whether ``value`` satisfies this one operator."""
    if operator == "each":
        if not isinstance(value, list) or len(value) > MAX_ELEMENTS:
            return False
        return all(satisfies(operand, item, declared) for item in value)
    if operator == "any":
        return any(satisfies(alternative, value, declared) for alternative in operand)
    return SCALAR_OPERATORS[operator](operand, value, declared)


def check(sets: Mapping[str, Constraints], where: str) -> None:
    """Refuse constraints that could never be evaluated as their author meant, or only at length.

    Everything is counted before an expression is compiled, for that is what takes long.

    Args:
        sets: all that one call may be judged by, by the name that each has in an error.
        where: what a refusal names when they are too much together.

    Raises:
        FieldError: names the operator: an expression RE2 refuses, a network that is none, a domain
            or host with a wildcard in the wrong place, bounds that exclude each other, a value that
            JSON cannot carry, or nesting deeper than ``MAX_DEPTH``; or an argument that is named twice;
            or they have more than ``MAX_OPERANDS`` operands or ``MAX_EXPRESSIONS`` expressions in all.
    """
    named = [
        (f"{at}.{name}", given) for at, constraints in sets.items() for name, given in constraints.items()
    ]
    for at, constraints in sets.items():
        _check_arguments(constraints, at)
    for at, given in named:
        _check(given, at, depth=1)
    left = MAX_OPERANDS - sum(size(given) for _, given in named)
    if left < 0:
        raise FieldError(where, _TOO_MANY)
    _check_expressions([use for at, given in named for use in _expressions(given, at)], left, where)


def _check_arguments(constraints: Constraints, where: str) -> None:
    pointers: set[str] = set()
    for name in constraints:
        pointer = full(name)
        if not _POINTER.fullmatch(pointer):
            raise FieldError(f"{where}.{name}", "neither an argument's name nor a JSON pointer")
        if pointer in pointers:
            raise FieldError(f"{where}.{name}", "the same argument is there under another name")
        pointers.add(pointer)


def _check_expressions(uses: list[_Use], left: int, where: str) -> None:
    """Compile what there is room for: a program weighs as much as the operands it could stand for."""
    if len({use.pattern for use in uses}) > MAX_EXPRESSIONS:
        raise FieldError(where, f"more than {MAX_EXPRESSIONS} expressions in all")
    for use in uses:
        try:
            left -= _weight(use)
        except ValueError as error:
            raise FieldError(use.where, "not an expression that RE2 takes") from error
        if left < 0:
            raise FieldError(where, _TOO_MANY)


def sources(operators: Operators) -> list[str]:
    """Every source that a ``from`` names, nested ones included."""
    nested = [*(operators.any or ()), *([operators.each] if operators.each is not None else [])]
    return [*(operators.from_ or ()), *(source for inner in nested for source in sources(inner))]


# --- what judging costs ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Use:
    """One RE2 expression, which operator it is matched for, and how much more it counts there."""

    where: str
    pattern: str
    times: int


def size(operators: Operators) -> int:
    """How many operands ``operators`` has, nested ones included; those under ``each`` count several times."""
    return sum(map(_operands, operators.given().values()))


def _operands(operand: object) -> int:
    if isinstance(operand, Operators):
        return 1 + _EACH * size(operand)
    if isinstance(operand, tuple):
        return 1 + len(operand) + sum(size(member) for member in operand if isinstance(member, Operators))
    return 1


def cost(operator: str, operand: Any) -> int:
    """What judging one value by this operator can cost, in operands. Only for what ``check`` has passed."""
    return _operands(operand) + sum(map(_weight, _expressions_of(operator, operand, "", 1)))


def _weight(use: _Use) -> int:
    """What an expression costs, in operands. Raises ``ValueError`` when RE2 refuses it."""
    program: int = expression(use.pattern).programsize
    return use.times * (program // _INSTRUCTIONS_PER_OPERAND)


def _expressions(operators: Operators, where: str, times: int = 1) -> Iterator[_Use]:
    """The RE2 expressions that values are matched with, nested ones included."""
    for operator, operand in operators.given().items():
        yield from _expressions_of(operator, operand, where, times)


def _expressions_of(operator: str, operand: Any, where: str, times: int) -> Iterator[_Use]:
    at = f"{where}.{operator}"
    if operator == "pattern":
        yield _Use(at, operand, times)
    elif operator == "path_glob":
        yield from (_Use(at, formats.glob_pattern(glob), times) for glob in operand)
    elif operator == "each":
        yield from _expressions(operand, at, times * _EACH)
    elif operator == "any":
        for index, alternative in enumerate(operand):
            yield from _expressions(alternative, f"{at}.{index}", times)


# --- one argument's operators ---------------------------------------------------------------------


def _check(operators: Operators, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise FieldError(where, f"each and any nest at most {MAX_DEPTH} deep")
    _check_values(operators, where)
    _check_names(operators, where)
    _check_bounds(operators, where)
    if operators.each is not None:
        _check(operators.each, f"{where}.each", depth + 1)
    for index, alternative in enumerate(operators.any or ()):
        _check(alternative, f"{where}.any.{index}", depth + 1)


def _check_values(operators: Operators, where: str) -> None:
    """Values must come back from the log as they went in: 1e20 comes back as an integer that is refused."""
    for operator, values in (("const", [operators.const]), ("enum", list(operators.enum or ()))):
        try:
            canonical(read_object(canonical({"values": values})))
        except FieldError as error:
            raise FieldError(f"{where}.{operator}", error.problem) from error


def _check_names(operators: Operators, where: str) -> None:
    for text in operators.cidr or ():
        if formats.network(text) is None:
            raise FieldError(f"{where}.cidr", "not an IP network in CIDR notation")
    for domain in operators.email_domain or ():
        if formats.email_domain(f"x@{domain}") is None:
            raise FieldError(f"{where}.email_domain", "not a plain ASCII domain (no wildcard)")
    for host in operators.url_host or ():
        if formats.url_host(f"https://{host.removeprefix('*.')}/") != host.lower().removeprefix("*."):
            raise FieldError(f"{where}.url_host", "not a host name; only a leading *. is a wildcard")


def _check_bounds(operators: Operators, where: str) -> None:
    for low, high in (("min", "max"), ("min_length", "max_length")):
        least, most = getattr(operators, low), getattr(operators, high)
        if least is not None and most is not None and least > most:
            raise FieldError(f"{where}.{low}", f"is greater than {high}, so nothing satisfies both")
