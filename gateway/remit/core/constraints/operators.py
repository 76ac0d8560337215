"""What each operator means for one value: a table from its name to a predicate.

A value of the wrong type never satisfies an operator. Expressions are RE2, so none can be made to
run for long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from functools import lru_cache
from typing import Any, Final

import re2

from remit.core.constraints import formats
from remit.core.pointers import ABSENT, leaves, resolve
from remit.model.base import Json, JsonObject


class Declared:
    """What the intent's parameters declare, as sets, so that ``from`` costs the same for any value."""

    def __init__(self, parameters: JsonObject) -> None:
        self._parameters = parameters
        self._leaves: dict[str, dict[type, set[Any]]] = {}

    def among(self, source: str, value: Json) -> bool:
        """Whether ``value`` equals a leaf at or below ``source``. Objects and arrays are no leaves."""
        return not isinstance(value, dict | list) and value in self._below(source).get(kind(value), ())

    def kinds(self, source: str) -> Collection[type]:
        """The JSON types of the leaves at or below ``source``; empty when nothing is declared there."""
        return self._below(source).keys()

    def _below(self, source: str) -> dict[type, set[Any]]:
        if source not in self._leaves:
            found = resolve(self._parameters, source.removeprefix("parameters"))
            by_kind = self._leaves.setdefault(source, {})
            for leaf in [] if found is ABSENT else leaves(found):  # type: ignore[arg-type]
                by_kind.setdefault(kind(leaf), set()).add(leaf)
        return self._leaves[source]


def kind(value: Json) -> type:
    """The JSON type of ``value``; all numbers are of one."""
    return float if number(value) else type(value)


def _key(leaf: Json) -> tuple[type, Any]:
    """What two leaves share exactly when they are equal as JSON."""
    return (kind(leaf), leaf)


Predicate = Callable[[Any, Json, Declared], bool]
"""``(operand, value, what the intent declares) -> satisfied``."""

MAX_MATCHED_CHARS: Final = 8192
"""The longest text that an expression is matched with; RE2 is linear, but in text times expression."""
_MAX_PROGRAM_BYTES: Final = 1 << 18
"""RE2's memory for one compiled expression; a larger one is refused when it is loaded."""


@lru_cache(maxsize=512)
def expression(pattern: str) -> Any:
    """``pattern`` compiled by RE2. Raises ``ValueError`` when RE2 refuses it."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_PROGRAM_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError("not an RE2 expression (no look-around, no back-references)") from error


def identity(value: Json) -> Hashable:
    """What two values share exactly when they are ``equal``; costs as much as the value is large."""
    match value:
        case dict():
            return (dict, frozenset((name, identity(member)) for name, member in value.items()))
        case list():
            return (list, tuple(map(identity, value)))
    return _key(value)


def equal(one: Json, other: Json) -> bool:
    """JSON equality: ``1`` equals ``1.0``, ``true`` does not equal ``1``.

    Costs no more than the smaller of the two: an operand is compared with whatever a caller sends.
    """
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
        case list(), list():
            return len(one) == len(other) and all(map(equal, one, other))
        case dict() | list(), _:
            return False
        case _, dict() | list():
            return False
    return _key(one) == _key(other)


def number(value: Json) -> bool:
    """Whether ``value`` is a JSON number (a boolean is not)."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(test: Callable[[Any, str], bool]) -> Predicate:
    return lambda operand, value, _: isinstance(value, str) and test(operand, value)


def _number(test: Callable[[Any, Any], bool]) -> Predicate:
    return lambda operand, value, _: number(value) and test(operand, value)


def _sized(test: Callable[[int, int], bool]) -> Predicate:
    return lambda operand, value, _: isinstance(value, str | list) and test(operand, len(value))


def _pattern(pattern: str, value: str) -> bool:
    return len(value) <= MAX_MATCHED_CHARS and expression(pattern).fullmatch(value) is not None


def _path_glob(globs: Sequence[str], value: str) -> bool:
    return formats.normal_path(value) and any(
        expression(formats.glob_pattern(glob)).fullmatch(value) is not None for glob in globs
    )


def _email_domain(domains: Sequence[str], value: str) -> bool:
    return formats.email_domain(value) in {domain.lower() for domain in domains}


def _url_host(hosts: Sequence[str], value: str) -> bool:
    host = formats.url_host(value)
    return host is not None and any(formats.host_matches(host, allowed) for allowed in hosts)


def _cidr(networks: Sequence[str], value: str) -> bool:
    inner = formats.network(value)
    outer = [parsed for text in networks if (parsed := formats.network(text)) is not None]
    return inner is not None and any(formats.inside(inner, allowed) for allowed in outer)


SCALAR_OPERATORS: Final[dict[str, Predicate]] = {
    "const": lambda operand, value, _: equal(operand, value),
    "enum": lambda operand, value, _: any(equal(member, value) for member in operand),
    "pattern": _text(_pattern),
    "prefix": _text(lambda prefix, value: value.startswith(prefix)),
    "path_glob": _text(_path_glob),
    "min": _number(lambda least, value: value >= least),
    "max": _number(lambda most, value: value <= most),
    "min_length": _sized(lambda least, length: length >= least),
    "max_length": _sized(lambda most, length: length <= most),
    "email_domain": _text(_email_domain),
    "url_host": _text(_url_host),
    "cidr": _text(_cidr),
    "from": lambda sources, value, declared: any(declared.among(source, value) for source in sources),
}
"""Every operator but ``each`` and ``any``, which combine others and are in ``check``."""
