"""Do these arguments satisfy these constraints; and are the constraints themselves sound."""

from __future__ import annotations

from typing import Any

from remit.core.constraints import formats
from remit.core.constraints.operators import SCALAR_OPERATORS, expression
from remit.core.pointers import ABSENT, full, resolve
from remit.errors import FieldError
from remit.model.base import Json, JsonObject
from remit.model.constraint import MAX_DEPTH, Constraints, Operators
from remit.model.question import Violation


def violations(
    constraints: Constraints, arguments: JsonObject, parameters: JsonObject
) -> tuple[Violation, ...]:
    """Every constraint that does not hold, by argument and operator; empty when all do.

    An argument that is absent violates each of its operators: a constraint on it means that it must
    be there. ``parameters`` are the intent's, for ``from``.
    """
    found: list[Violation] = []
    for name, operators in constraints.items():
        value = resolve(arguments, full(name))
        broken = (
            list(operators.given()) if value is ABSENT else _broken(operators, value, parameters)  # type: ignore[arg-type]
        )
        found.extend(Violation(argument=name, operator=operator) for operator in broken)
    return tuple(found)


def satisfies(operators: Operators, value: Json, parameters: JsonObject) -> bool:
    """Whether ``value`` satisfies all of ``operators``."""
    return not _broken(operators, value, parameters)


def _broken(operators: Operators, value: Json, parameters: JsonObject) -> list[str]:
    return [
        operator
        for operator, operand in operators.given().items()
        if not _holds(operator, operand, value, parameters)
    ]


def _holds(operator: str, operand: Any, value: Json, parameters: JsonObject) -> bool:
    if operator == "each":
        return isinstance(value, list) and all(satisfies(operand, item, parameters) for item in value)
    if operator == "any":
        return any(satisfies(alternative, value, parameters) for alternative in operand)
    return SCALAR_OPERATORS[operator](operand, value, parameters)


def check(constraints: Constraints, where: str = "constraints") -> None:
    """Refuse constraints that could never be evaluated as their author meant.

    Raises:
        FieldError: names the operator: an expression RE2 refuses, a network that is none, a domain
            or host with a wildcard in the wrong place, bounds that exclude each other, or nesting
            deeper than ``MAX_DEPTH``.
    """
    for name, operators in constraints.items():
        if not full(name).startswith("/") or "//" in full(name):
            raise FieldError(f"{where}.{name}", "neither an argument's name nor a JSON pointer")
        _check(operators, f"{where}.{name}", depth=1)


def _check(operators: Operators, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise FieldError(where, f"each and any nest at most {MAX_DEPTH} deep")
    _check_expressions(operators, where)
    _check_names(operators, where)
    _check_bounds(operators, where)
    if operators.each is not None:
        _check(operators.each, f"{where}.each", depth + 1)
    for index, alternative in enumerate(operators.any or ()):
        _check(alternative, f"{where}.any.{index}", depth + 1)


def _check_expressions(operators: Operators, where: str) -> None:
    if operators.pattern is not None:
        try:
            expression(operators.pattern)
        except ValueError as error:
            raise FieldError(f"{where}.pattern", str(error)) from error
    for text in operators.cidr or ():
        if formats.network(text) is None:
            raise FieldError(f"{where}.cidr", "not an IP network in CIDR notation")


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
