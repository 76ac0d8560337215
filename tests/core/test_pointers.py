"""JSON pointers: one spelling for each place, and absence is not null."""

from typing import Any

import pytest

from remit.core.pointers import ABSENT, full, leaves, resolve

DOCUMENT: Any = {"a": [10, {"b/c": None, "~": 1, "~1": 2}], "": 3, "0": 4}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/", 3),
        ("/0", 4),
        ("/a/0", 10),
        ("/a/1/b~1c", None),
        ("/a/1/~0", 1),
        ("/a/1/~01", 2),
        ("/a/2", ABSENT),
        ("/a/00", ABSENT),
        ("/a/-1", ABSENT),
        ("/a/-", ABSENT),
        ("/a/\u0661", ABSENT),
        ("/a/1e0", ABSENT),
        ("/a/" + "9" * 5000, ABSENT),
        ("/a/b", ABSENT),
        ("/a/0/x", ABSENT),
        ("/nothing", ABSENT),
    ],
)
def test_resolve(pointer: str, value: Any) -> None:
    assert resolve(DOCUMENT, pointer) == value


def test_absent_says_so() -> None:
    assert repr(ABSENT) == "ABSENT"


def test_a_name_is_short_for_a_top_level_pointer() -> None:
    assert [full(name) for name in ("a", "a/b", "a~b", "/a/b")] == ["/a", "/a~1b", "/a~0b", "/a/b"]


def test_leaves_are_all_that_is_neither_object_nor_array() -> None:
    assert leaves(DOCUMENT) == [10, None, 1, 2, 3, 4]
    assert leaves([]) == []
    assert leaves("x") == ["x"]
