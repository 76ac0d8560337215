"""Effective arguments: what a tool would really get. They are judged, hashed, stored and sent.

The tool's schema defaults are filled in, nothing is coerced, unknown names are refused unless the
schema says ``additionalProperties: true``, and numbers that JSON readers disagree on are refused.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs

from remit.core.canonical import canonical, pointer_token
from remit.errors import FieldError
from remit.model.base import MAX_SAFE_INTEGER, Json, JsonObject
from remit.model.call import MAX_ARGUMENT_BYTES, MAX_ARGUMENT_DEPTH

_MAX_PATTERN_BYTES: Final = 1 << 20
_LOCAL_REF: Final = "#"
_FIRST_EXPONENT: Final = 1e21
"""From here on the canonical form writes an exponent, so that it comes back as the same number."""


@dataclass(frozen=True, slots=True)
class Effective:
    """Arguments that are valid for their tool, and their canonical bytes (RFC 8785)."""

    arguments: JsonObject
    canonical: bytes


class ArgumentSchema:
    """A tool's (or template's) JSON Schema, compiled once.

    Args:
        schema: JSON Schema 2020-12 with ``type: object``; only local ``$ref`` are followed.

    Raises:
        FieldError: the schema itself is not valid, or refers outside itself.
    """

    def __init__(self, schema: JsonObject) -> None:
        _refuse_remote_references(schema, "")
        self._schema: JsonObject = {"additionalProperties": False, **schema}
        try:
            self._validator: Any = jsonschema_rs.Draft202012Validator(
                self._schema,
                offline=True,
                pattern_options=jsonschema_rs.RegexOptions(size_limit=_MAX_PATTERN_BYTES),
            )
        except (jsonschema_rs.ValidationError, ValueError) as error:
            raise FieldError("schema", f"not a JSON Schema: {str(error).splitlines()[0]}") from error

    def effective(self, arguments: JsonObject) -> Effective:
        """``arguments`` with defaults filled in.

        Raises:
            FieldError: the first thing wrong, by JSON pointer; never echoes a value.
        """
        _refuse_unsafe(arguments, "", 1)
        filled = copy.deepcopy(arguments)
        _fill(self._schema, filled)
        raw = canonical(filled)
        if len(raw) > MAX_ARGUMENT_BYTES:
            raise FieldError("/", f"more than {MAX_ARGUMENT_BYTES} bytes in canonical form")
        for error in self._validator.iter_errors(filled):
            pointer = "".join(f"/{pointer_token(str(part))}" for part in error.instance_path)
            keyword = str(error.schema_path[-1]) if error.schema_path else "schema"
            raise FieldError(pointer or "/", f"does not meet the schema's {keyword}")
        return Effective(filled, raw)


def _fill(schema: Json, value: Json) -> None:
    """Fill declared defaults into ``value`` in place, through ``properties`` only."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not isinstance(value, dict):
        return
    for name, member in properties.items():
        if isinstance(member, dict) and name not in value and "default" in member:
            value[name] = copy.deepcopy(member["default"])
        if name in value:
            _fill(member, value[name])


def _refuse_unsafe(value: Json, path: str, depth: int) -> None:
    """Refuse what nests too deep, and floats whose canonical bytes read as an unsafe integer."""
    if depth > MAX_ARGUMENT_DEPTH:
        raise FieldError(path, f"nested deeper than {MAX_ARGUMENT_DEPTH}")
    if isinstance(value, float) and MAX_SAFE_INTEGER < abs(value) < _FIRST_EXPONENT:
        raise FieldError(path, "integer beyond 2^53 - 1; send it as a string")
    if isinstance(value, dict):
        for name, member in value.items():
            _refuse_unsafe(member, f"{path}/{pointer_token(name)}", depth + 1)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            _refuse_unsafe(member, f"{path}/{index}", depth + 1)


def _refuse_remote_references(schema: Json, path: str) -> None:
    if isinstance(schema, list):
        for index, member in enumerate(schema):
            _refuse_remote_references(member, f"{path}/{index}")
    if not isinstance(schema, dict):
        return
    for name, member in schema.items():
        if name in {"$ref", "$dynamicRef"} and not str(member).startswith(_LOCAL_REF):
            raise FieldError(f"schema{path}/{name}", "only references inside the schema are followed")
        _refuse_remote_references(member, f"{path}/{pointer_token(name)}")
