"""Can a JSON pointer name anything in what a JSON Schema admits? *Yes* only where the schema is silent.

For finding slips of the pen when a file is loaded. It never says whether a value is valid.
"""

from __future__ import annotations

from typing import Final

from remit.model.base import Json, JsonObject

_SAID_ELSEWHERE: Final = frozenset(
    {
        "$ref",
        "$dynamicRef",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "dependentSchemas",
        "patternProperties",
        "prefixItems",
    }
)
"""Keywords that may declare a member which ``properties`` and ``items`` do not show."""


def can_name(schema: JsonObject, pointer: str) -> bool:
    """Whether arguments that ``schema`` admits can have something at ``pointer``.

    As for arguments, names that the schema's top does not list are there only if it says so. Below the
    top a list of ``properties`` counts as complete too, unless ``additionalProperties`` is stated.
    """
    names = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    return _reaches({"additionalProperties": False, **schema}, names)


def _reaches(schema: Json, names: list[str]) -> bool:
    if not names or not isinstance(schema, dict):
        return schema is not False
    name, *rest = names
    properties = schema.get("properties")
    if isinstance(properties, dict) and name in properties:
        return _reaches(properties[name], rest)
    if "items" in schema and name.isascii() and name.isdigit():
        return _reaches(schema["items"], rest)
    if "additionalProperties" in schema:
        return "patternProperties" in schema or _reaches(schema["additionalProperties"], rest)
    return _silent(schema)


def _silent(schema: JsonObject) -> bool:
    """Whether ``schema`` leaves open which members there are."""
    if not _SAID_ELSEWHERE.isdisjoint(schema):
        return True
    types = schema.get("type", "object")
    has_members = not {"object", "array"}.isdisjoint(types if isinstance(types, list) else [types])
    return has_members and "properties" not in schema and "items" not in schema
