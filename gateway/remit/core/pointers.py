"""JSON pointers (RFC 6901) into arguments, and the short form that names a top-level argument."""

from __future__ import annotations

import re
from typing import Final

from remit.core.canonical import pointer_token
from remit.model.base import Json

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
"""An array's index: one spelling for each element (RFC 6901 section 4)."""


class _Absent:
    """The value of what is not there; distinct from ``null``."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


def full(name: str) -> str:
    """``name`` as a pointer: itself when it is one already, else the top-level argument's."""
    return name if name.startswith("/") else f"/{pointer_token(name)}"


def resolve(document: Json, pointer: str) -> Json | _Absent:
    """The value at ``pointer``, or ``ABSENT``."""
    value = document
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return ABSENT
    return value


def leaves(value: Json) -> list[Json]:
    """Every value inside ``value`` that is neither object nor array."""
    if isinstance(value, dict):
        return [leaf for member in value.values() for leaf in leaves(member)]
    if isinstance(value, list):
        return [leaf for member in value for leaf in leaves(member)]
    return [value]
