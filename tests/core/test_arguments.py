"""Effective arguments: defaults, closed names, no coercion, and errors that name a pointer and no value."""

import copy
from typing import Any

import pytest

from remit.core.arguments import ArgumentSchema
from remit.errors import FieldError
from remit.model.call import MAX_ARGUMENT_BYTES, MAX_ARGUMENT_DEPTH


def schema(required: tuple[str, ...] = (), /, **properties: Any) -> ArgumentSchema:
    return ArgumentSchema({"type": "object", "properties": properties, "required": list(required)})


def refused(compiled: ArgumentSchema, arguments: Any) -> FieldError:
    with pytest.raises(FieldError) as error:
        compiled.effective(arguments)
    return error.value


def test_defaults_are_filled_in_at_every_depth() -> None:
    nested = {"type": "object", "default": {}, "properties": {"b": {"default": [1]}, "c": {"default": None}}}
    effective = schema(a=nested, d={"type": "object", "properties": {"e": {"default": 1}}}, f={})
    assert effective.effective({}).arguments == {"a": {"b": [1], "c": None}}
    assert effective.effective({"a": {"b": []}, "d": {}}).arguments == {
        "a": {"b": [], "c": None},
        "d": {"e": 1},
    }


def test_neither_the_caller_nor_the_schema_is_changed() -> None:
    compiled = schema(a={"default": {"list": [1]}}, b={"type": "object", "properties": {"c": {"default": 1}}})
    given: Any = {"b": {}}
    before = copy.deepcopy(given)
    effective = compiled.effective(given)
    effective.arguments["a"]["list"].append(2)  # type: ignore[index,call-overload,union-attr]
    assert given == before
    assert compiled.effective(given).arguments["a"] == {"list": [1]}


def test_the_bytes_are_those_of_the_filled_arguments() -> None:
    assert schema(a={"default": 1.0}, b={}).effective({"b": "ä"}).canonical == '{"a":1,"b":"ä"}'.encode()


def test_unknown_names_are_refused_unless_the_schema_takes_them() -> None:
    assert refused(schema(a={}), {"b": 1}).problem == "does not meet the schema's additionalProperties"
    assert refused(ArgumentSchema({"type": "object"}), {"b": 1}).field == "/"
    open_ended = ArgumentSchema({"type": "object", "additionalProperties": True})
    assert open_ended.effective({"b": 1}).arguments == {"b": 1}
    typed = ArgumentSchema({"type": "object", "additionalProperties": {"type": "string"}})
    assert refused(typed, {"b": 1}).field == "/b"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "1"),
        ("integer", 1.5),
        ("integer", True),
        ("string", 1),
        ("boolean", 1),
        ("number", "1"),
        ("array", {}),
    ],
)
def test_nothing_is_coerced(kind: str, value: Any) -> None:
    assert refused(schema(a={"type": kind}), {"a": value}).field == "/a"


@pytest.mark.parametrize(
    "value",
    [2**53, -(2**53), 10**40, float(2**53), 1e20, float("nan"), float("inf"), float("-inf")],
)
def test_numbers_that_readers_disagree_on_are_refused_by_field(value: Any) -> None:
    assert refused(schema(a={}), {"a": [{"b/c": value}]}).field == "/a/0/b~1c"


@pytest.mark.parametrize("value", [2**53 - 1, -(2**53 - 1), 1e21, 1e300, 5e-324, 0.1])
def test_numbers_that_come_back_as_they_went_are_taken(value: Any) -> None:
    assert schema(a={}).effective({"a": value}).arguments == {"a": value}


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_lone_surrogates_are_refused(text: str) -> None:
    assert refused(schema(a={}), {"a": text}).field == "/a"
    assert "surrogate" in refused(schema(a={}), {text: 1}).problem


def test_depth_is_bounded_before_anything_walks_it() -> None:
    def nested(depth: int) -> Any:
        return [] if depth == 1 else [nested(depth - 1)]

    compiled = schema(a={})
    compiled.effective({"a": nested(MAX_ARGUMENT_DEPTH - 1)})
    assert "nested deeper" in refused(compiled, {"a": nested(MAX_ARGUMENT_DEPTH)}).problem
    endless: Any = []
    endless.append(endless)
    assert "nested deeper" in refused(compiled, {"a": endless}).problem


def test_size_is_bounded_in_canonical_bytes() -> None:
    fits = MAX_ARGUMENT_BYTES - len('{"a":""}')
    schema(a={}).effective({"a": "x" * fits})
    assert refused(schema(a={}), {"a": "x" * (fits + 1)}).field == "/"


SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"type": "integer"}, SECRET),
        ({"const": "x"}, SECRET),
        ({"enum": ["x"]}, SECRET),
        ({"pattern": "^x$"}, SECRET),
        ({"maxLength": 2}, SECRET),
        ({"items": {"type": "integer"}}, [SECRET]),
        ({"additionalProperties": False}, {"b": SECRET}),
        ({"required": ["x"]}, {"b": SECRET}),
        ({"not": {}}, SECRET),
        ({"oneOf": [{"type": "integer"}, {"type": "null"}]}, SECRET),
    ],
)
def test_an_error_names_the_pointer_and_never_echoes_the_value(rule: Any, value: Any) -> None:
    error = refused(schema(a=rule), {"a": value})
    assert error.field.startswith("/a")
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "reference",
    [
        "https://127.0.0.1:9/s.json",
        "other.json#/a",
        "file:///etc/passwd",
        "urn:x",
        "//h/s",
        "json-schema:///x",
        5,
    ],
)
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_references_outside_the_schema_are_refused(keyword: str, reference: Any) -> None:
    with pytest.raises(FieldError, match=r"inside the schema|not a JSON Schema"):
        ArgumentSchema({"type": "object", "properties": {"a": {"items": [{keyword: reference}]}}})


def test_local_references_are_followed_however_often() -> None:
    tree = ArgumentSchema({"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"type": "integer"}}})
    assert refused(tree, {"a": {"a": {"b": "x"}}}).field == "/a/a/b"


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "objekt"},
        {"properties": []},
        {"properties": {"a": {"$ref": "#/$defs/nowhere"}}},
        {"properties": {"a": {"pattern": "(?=a)b"}}},
        {"properties": {"a": {"pattern": "("}}},
        {"patternProperties": {"(?<!a)b": {}}},
        {"additionalProperties": None},
        {"properties": {"a": {"minimum": "1"}}},
    ],
)
def test_a_schema_that_is_none_is_refused(broken: Any) -> None:
    with pytest.raises(FieldError) as error:
        ArgumentSchema({"type": "object", **broken})
    assert error.value.field == "schema"
