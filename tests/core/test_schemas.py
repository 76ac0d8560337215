"""Which pointers can name something, for schemas that list their members and for those that do not."""

from typing import Any

import pytest

from remit.core.schemas import can_name

SCHEMA: Any = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer"},
        "order": {
            "type": "object",
            "properties": {"id": {"type": "string"}, "a/b": {}},
        },
        "loose": {"type": "object", "properties": {"id": {}}, "additionalProperties": {"type": "integer"}},
        "shut": {"properties": {"id": {}}, "additionalProperties": False},
        "rows": {"type": "array", "items": {"type": "object", "properties": {"id": {}}}},
        "free": {"type": "object"},
        "either": {"anyOf": [{"type": "object"}, {"type": "string"}]},
        "maybe": {"type": ["object", "null"], "properties": {"id": {}}},
        "nothing": False,
        "anything": True,
    },
}


@pytest.mark.parametrize(
    "pointer",
    [
        "",
        "/amount",
        "/order/id",
        "/order/a~1b/c",
        "/loose/other",
        "/shut/id",
        "/rows/0/id",
        "/rows/12",
        "/free/a/b",
        "/either/a",
        "/maybe/id",
        "/anything/a",
    ],
)
def test_can_be_there(pointer: str) -> None:
    assert can_name(SCHEMA, pointer)


@pytest.mark.parametrize(
    "pointer",
    [
        "/amont",
        "/Amount",
        "/amount/0",
        "/order/idd",
        "/loose/other/deep",
        "/shut/other",
        "/rows/0/idd",
        "/rows/id",
        "/maybe/idd",
        "/nothing",
    ],
)
def test_cannot_be_there(pointer: str) -> None:
    assert not can_name(SCHEMA, pointer)


def test_the_top_is_open_only_if_it_says_so() -> None:
    assert not can_name({"type": "object", "allOf": [{"properties": {"a": {}}}]}, "/a")
    assert can_name({"type": "object", "additionalProperties": True}, "/a/b")
    assert can_name({"type": "object", "patternProperties": {"^x-": {}}}, "/x-a")
