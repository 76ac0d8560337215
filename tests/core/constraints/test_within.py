"""Which sets of constraints are provably within which, operator by operator."""

import json
from typing import Any

import pytest

from remit.core.constraints import within
from remit.model.constraint import Operators

PARAMETERS: Any = {"to": ["a@x.org"], "n": 5}


def one(given: Any) -> dict[str, Operators]:
    return {"a": Operators.model_validate_json(json.dumps(given))}


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ({"const": 5}, {"min": 1, "max": 5}),
        ({"const": 1}, {"const": 1.0}),
        ({"enum": [1, 2]}, {"enum": [2, 3, 1]}),
        ({"enum": [1, 9], "max": 5}, {"max": 5}),
        ({"const": "a@x.org"}, {"from": ["parameters/to"]}),
        ({"prefix": "ab"}, {"prefix": "a"}),
        ({"pattern": "a+"}, {"pattern": "a+"}),
        ({"min": 2, "max": 3}, {"min": 1, "max": 4}),
        ({"min_length": 2}, {"min_length": 1}),
        ({"max_length": 1}, {"max_length": 2}),
        ({"path_glob": ["docs/a.md"]}, {"path_glob": ["docs/*"]}),
        ({"email_domain": ["X.org"]}, {"email_domain": ["x.org", "y.org"]}),
        ({"url_host": ["a.x.org", "*.b.x.org"]}, {"url_host": ["*.x.org"]}),
        ({"cidr": ["10.1.0.0/16", "::ffff:10.2.0.0/112"]}, {"cidr": ["10.0.0.0/8"]}),
        ({"each": {"max": 1}}, {"each": {"max": 2}}),
        ({"from": ["parameters/to"]}, {"from": ["parameters"]}),
        ({"any": [{"max": 1}, {"const": 7}]}, {"max": 7}),
        ({"max": 1}, {"any": [{"prefix": "x"}, {"max": 2}]}),
        ({"any": [{"const": 1}, {"prefix": "b"}]}, {"any": [{"prefix": ""}, {"min": 0}]}),
        (
            {"any": [{"prefix": "a"}, {"prefix": "b"}], "min_length": 3},
            {"any": [{"prefix": "b"}, {"prefix": "a"}], "min_length": 2},
        ),
    ],
)
def test_within(inner: Any, outer: Any) -> None:
    assert within(one(inner), one(outer), PARAMETERS)


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ({"const": True}, {"const": 1}),
        ({"any": [{"const": 1}]}, {"any": [{"const": True}]}),
        ({"any": [{"min": 1}]}, {"any": [{"min": 1, "const": None}]}),
        ({"any": [{"max": 1}, {"max": 9}]}, {"max": 7}),
        ({"url_host": ["*.x.org"]}, {"url_host": ["x.org"]}),
        ({"url_host": ["x.org"]}, {"url_host": ["*.x.org"]}),
        ({"url_host": ["*.ax.org"]}, {"url_host": ["*.x.org"]}),
        ({"cidr": ["10.0.0.0/7"]}, {"cidr": ["10.0.0.0/8"]}),
        ({"cidr": ["::/0"]}, {"cidr": ["0.0.0.0/0"]}),
        ({"path_glob": ["docs/**"]}, {"path_glob": ["docs/*"]}),
        ({"path_glob": ["docs/../x"]}, {"path_glob": ["docs/**"]}),
        ({"min": 1}, {"min": 2}),
        ({"min": 1}, {"max": 2}),
        ({"prefix": "a"}, {"prefix": "ab"}),
        ({"pattern": "a"}, {"pattern": "a|b"}),
        ({"from": ["parameters"]}, {"from": ["parameters/to"]}),
        ({"from": ["parameters/toy"]}, {"from": ["parameters/to"]}),
        ({"each": {"max": 2}}, {"each": {"max": 1}}),
        ({"enum": [1, 2]}, {"enum": [1]}),
    ],
)
def test_not_shown_to_be_within(inner: Any, outer: Any) -> None:
    assert not within(one(inner), one(outer), PARAMETERS)


def test_a_missing_constraint_is_wider_and_an_added_one_narrower() -> None:
    assert within(one({"min": 1}), {}, {})
    assert not within({}, one({"min": 1}), {})
    assert within({"/a": one({"min": 1})["a"]}, one({"min": 1}), {})


def test_what_is_the_same_is_within_itself_whatever_its_size() -> None:
    large: Any = {"any": [{"any": [{"any": [{"pattern": "x"}] * 8}] * 8}] * 8}
    assert within(one(large), one(large), {})


def test_a_long_list_is_within_itself_in_another_order() -> None:
    listed = [{"n": n, "who": f"user{n}"} for n in range(256)]
    assert within(one({"enum": listed[::-1]}), one({"enum": listed}), {})
    assert not within(one({"enum": listed}), one({"enum": listed[1:]}), {})
    hosts = [f"h{n}.x.org" for n in range(256)]
    assert within(one({"url_host": hosts[:0:-1]}), one({"url_host": hosts}), {})
