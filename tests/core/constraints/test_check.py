"""What cannot be evaluated as its author meant is refused by name, before anything is judged with it."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from remit.core.constraints import check as check_sets
from remit.core.constraints.check import size
from remit.errors import FieldError
from remit.model.constraint import Operators

REFUSED = [
    ("pattern", {"pattern": "(?=a)b"}),
    ("pattern", {"pattern": r"(a)\1"}),
    ("pattern", {"pattern": "(" * 500}),
    ("pattern", {"pattern": r"\pL{1,1000}\pL{1,1000}\pL{1,1000}"}),
    ("cidr", {"cidr": ["10.0.0.0/8", "10.0.0.0/33"]}),
    ("cidr", {"cidr": ["10.0.0.0/255.0.0.0"]}),
    ("cidr", {"cidr": ["localhost"]}),
    ("email_domain", {"email_domain": ["*.x.org"]}),
    ("email_domain", {"email_domain": ["a@x.org"]}),
    ("email_domain", {"email_domain": ["ban\u212a.org"]}),
    ("url_host", {"url_host": ["a.*.org"]}),
    ("url_host", {"url_host": ["https://x.org"]}),
    ("url_host", {"url_host": ["x.org:80"]}),
    ("url_host", {"url_host": ["user@x.org"]}),
    ("min", {"min": 2, "max": 1}),
    ("min_length", {"min_length": 2, "max_length": 1}),
    ("const", {"const": 2**53}),
    ("const", {"const": {"deep": [1e20]}}),
    ("enum", {"enum": [1, -(2**60)]}),
    ("any.1.pattern", {"any": [{"min": 1}, {"pattern": "("}]}),
    ("each.cidr", {"each": {"cidr": ["x"]}}),
    ("each.each.each.each", {"each": {"each": {"each": {"each": {"min": 1}}}}}),
]


def operators(given: Any) -> Operators:
    return Operators.model_validate_json(json.dumps(given))


def check(constraints: dict[str, Operators], where: str = "constraints") -> None:
    check_sets({where: constraints}, "together")


@pytest.mark.parametrize(("field", "given"), REFUSED)
def test_refused_by_name(field: str, given: Any) -> None:
    with pytest.raises(FieldError) as refused:
        check({"a": operators(given)}, "here")
    assert refused.value.field == f"here.a.{field}"


@pytest.mark.parametrize("infinite", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(infinite: str) -> None:
    with pytest.raises((FieldError, ValidationError)):
        check({"a": Operators.model_validate_json(f'{{"const": {infinite}}}')})
    with pytest.raises(ValidationError):
        Operators.model_validate_json(f'{{"max": {infinite}}}')


@pytest.mark.parametrize("name", ["/", "/a/", "//", "/a//b", "/a~2", "/a~"])
def test_a_name_that_is_no_pointer_is_refused(name: str) -> None:
    with pytest.raises(FieldError, match="neither an argument's name nor a JSON pointer"):
        check({name: operators({"min": 1})})


def test_an_argument_is_constrained_under_one_name() -> None:
    with pytest.raises(FieldError, match="under another name"):
        check({"a": operators({"max": 5}), "/a": operators({"min": 0})})


@pytest.mark.parametrize(
    "given",
    [{}, {"unknown": 1}, {"min": None}, {"enum": []}, {"any": []}, {"url_host": []}, {"from": ["secrets/a"]}],
)
def test_the_shape_refuses_what_says_nothing(given: Any) -> None:
    with pytest.raises(ValidationError):
        operators(given)


def test_what_can_be_evaluated_passes() -> None:
    check(
        {
            "/a/b": operators({"any": [{"pattern": "a+"}, {"const": None}, {"const": 1e21}]}),
            "c//d": operators({"min": 1}),
        }
    )


def test_all_that_is_judged_together_is_counted_together() -> None:
    full = {"a": operators({"enum": list(range(255))})}
    check_sets({f"set{n}": full for n in range(16)}, "together")
    with pytest.raises(FieldError) as refused:
        check_sets({f"set{n}": full for n in range(17)}, "together")
    assert refused.value.field == "together"


def test_size_counts_nested_operands() -> None:
    assert size(operators({"min": 1})) == 1
    assert size(operators({"enum": [1, 2, 3]})) == 4
    assert size(operators({"each": {"any": [{"min": 1}, {"enum": ["x"]}]}})) == 1 + 8 * (1 + 2 + 1 + 2)
