"""Do these arguments satisfy these constraints; and are the constraints themselves sound."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
MAX_ELEMENTS: Final = 1024
"""The longest array that ``each`` looks through."""
_EACH: Final = 8
"""How much more an operand weighs under ``each``, where it is met by element after element."""
_INSTRUCTIONS_PER_OPERAND: Final = 16
"""How much of an expression's program weighs as much as comparing with one value."""


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


def check(constraints: Constraints, where: str = "constraints") -> None:
    """Refuse constraints that could never be evaluated as their author meant.

    Raises:
        FieldError: names the operator: an expression RE2 refuses, a network that is none, a domain
            or host with a wildcard in the wrong place, bounds that exclude each other, a value that
            JSON cannot carry, or nesting deeper than ``MAX_DEPTH``; or an argument that is named twice.
    """
    pointers: set[str] = set()
    for name, operators in constraints.items():
        pointer = full(name)
        if not _POINTER.fullmatch(pointer):
            raise FieldError(f"{where}.{name}", "neither an argument's name nor a JSON pointer")
        if pointer in pointers:
            raise FieldError(f"{where}.{name}", "the same argument is there under another name")
        pointers.add(pointer)
        _check(operators, f"{where}.{name}", depth=1)


def check_size(sets: Iterable[Constraints], where: str) -> None:
    """Refuse sets of constraints, each of which passes ``check``, that are too much to judge one call by.

    Raises:
        FieldError: they have more than ``MAX_OPERANDS`` operands in all.
    """
    if sum(size(operators) for constraints in sets for operators in constraints.values()) > MAX_OPERANDS:
        raise FieldError(where, f"constraints with more than {MAX_OPERANDS} operands in all")


def size(operators: Operators) -> int:
    """How many operands ``operators`` has, nested ones included: what judging a value can cost.

    An expression counts by the size of its program, and what is under ``each`` several times.
    Only for what ``check`` has passed.
    """
    each = _EACH * size(operators.each) if operators.each is not None else 0
    lists = [operand for operand in operators.given().values() if isinstance(operand, tuple)]
    programs: list[int] = [expression(pattern).programsize for _, pattern in _expressions(operators)]
    return (
        len(operators.given())
        + sum(map(len, lists))
        + sum(programs) // _INSTRUCTIONS_PER_OPERAND
        + each
        + sum(map(size, operators.any or ()))
    )


def _check(operators: Operators, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise FieldError(where, f"each and any nest at most {MAX_DEPTH} deep")
    _check_values(operators, where)
    _check_expressions(operators, where)
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


def _check_expressions(operators: Operators, where: str) -> None:
    for operator, pattern in _expressions(operators):
        try:
            expression(pattern)
        except ValueError as error:
            raise FieldError(f"{where}.{operator}", "not an expression that RE2 takes") from error
    for text in operators.cidr or ():
        if formats.network(text) is None:
            raise FieldError(f"{where}.cidr", "not an IP network in CIDR notation")


def _expressions(operators: Operators) -> list[tuple[str, str]]:
    """The RE2 expressions that ``operators`` matches values with, by operator."""
    patterns = [("pattern", operators.pattern)] if operators.pattern is not None else []
    return patterns + [("path_glob", formats.glob_pattern(glob)) for glob in operators.path_glob or ()]


def _check_names(operators: Operators, where: str) -> None:
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
