"""What each operator means for one value: a table from its name to a predicate.

A value of the wrong type never satisfies an operator. Expressions are RE2, so none can be made to
run for long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import re2

from remit.core.canonical import canonical
from remit.core.constraints import formats
from remit.core.pointers import ABSENT, leaves, resolve
from remit.errors import FieldError
from remit.model.base import Json, JsonObject

Predicate = Callable[[Any, Json, JsonObject], bool]
"""``(operand, value, parameters of the intent) -> satisfied``."""

_MAX_PROGRAM_BYTES: Final = 1 << 20
"""RE2's memory for one compiled expression; a larger one is refused when it is loaded."""


@lru_cache(maxsize=4096)
def expression(pattern: str) -> Any:
    """``pattern`` compiled by RE2. Raises ``ValueError`` when RE2 refuses it."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_PROGRAM_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError("not an RE2 expression (no look-around, no back-references)") from error


def equal(one: Json, other: Json) -> bool:
    """JSON equality: ``1`` equals ``1.0``, ``true`` does not equal ``1``."""
    try:
        return canonical(one) == canonical(other)
    except FieldError:
        return False


def number(value: Json) -> bool:
    """Whether ``value`` is a JSON number (a boolean is not)."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(test: Callable[[Any, str], bool]) -> Predicate:
    return lambda operand, value, _: isinstance(value, str) and test(operand, value)


def _number(test: Callable[[Any, Any], bool]) -> Predicate:
    return lambda operand, value, _: number(value) and test(operand, value)


def _sized(test: Callable[[int, int], bool]) -> Predicate:
    return lambda operand, value, _: isinstance(value, str | list) and test(operand, len(value))


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


def _from(sources: Sequence[str], value: Json, parameters: JsonObject) -> bool:
    for source in sources:
        declared = resolve(parameters, source.removeprefix("parameters"))
        if declared is not ABSENT and any(equal(leaf, value) for leaf in leaves(declared)):  # type: ignore[arg-type]
            return True
    return False


SCALAR_OPERATORS: Final[dict[str, Predicate]] = {
    "const": lambda operand, value, _: equal(operand, value),
    "enum": lambda operand, value, _: any(equal(member, value) for member in operand),
    "pattern": _text(lambda pattern, value: expression(pattern).fullmatch(value) is not None),
    "prefix": _text(lambda prefix, value: value.startswith(prefix)),
    "path_glob": _text(_path_glob),
    "min": _number(lambda least, value: value >= least),
    "max": _number(lambda most, value: value <= most),
    "min_length": _sized(lambda least, length: length >= least),
    "max_length": _sized(lambda most, length: length <= most),
    "email_domain": _text(_email_domain),
    "url_host": _text(_url_host),
    "cidr": _text(_cidr),
    "from": _from,
}
"""Every operator but ``each`` and ``any``, which combine others and are in ``check``."""
