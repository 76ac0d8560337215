"""Attack: a call that a template holds, written so that the hold's condition does not read its argument.

Conditions say *no* in doubt, which is safe for grants; a hold must then apply all the same.
"""

import json
from typing import Any

import pytest

from remit.core.constraints import surely_not
from remit.core.constraints.operators import MAX_MATCHED_CHARS
from remit.model.constraint import Operators


def held(when: Any, arguments: Any, parameters: Any = None) -> bool:
    rule = {name: Operators.model_validate_json(json.dumps(given)) for name, given in when.items()}
    return not surely_not(rule, arguments, parameters or {})


SECRET = {"path": {"path_glob": ["docs/secret/**"]}}


def test_the_hold_itself() -> None:
    assert held(SECRET, {"path": "docs/secret/x"})
    assert not held(SECRET, {"path": "docs/open/x"})


@pytest.mark.parametrize(
    "path",
    [
        "docs//secret/x",
        "docs/./secret/x",
        "docs/a/../secret/x",
        "docs\\secret\\x",
        "docs/%73ecret/x",
        ["docs/secret/x"],
    ],
)
def test_a_path_written_oddly(path: Any) -> None:
    assert held(SECRET, {"path": path})


@pytest.mark.parametrize("padding", [" " * MAX_MATCHED_CHARS, "\n"])
def test_a_padded_text(padding: str) -> None:
    assert held({"text": {"pattern": ".*IBAN.*"}}, {"text": f"{padding}IBAN"})
    assert not held({"text": {"pattern": ".*IBAN.*"}}, {"text": "hello\nthere"})


def test_an_optional_argument_left_out() -> None:
    assert held({"amount": {"min": 500}}, {})
    assert held({"/order/amount": {"min": 500}}, {"order": {}})


@pytest.mark.parametrize("amount", ["900", [900], None, True])
def test_an_amount_of_another_type(amount: Any) -> None:
    assert held({"amount": {"min": 500}}, {"amount": amount})


@pytest.mark.parametrize(
    "to", ["Eve <eve@evil.org>", "eve@evil.org.", "eve@evil.org,a@x.org", '"e"@evil.org', "eve%evil.org@x"]
)
def test_an_address_written_oddly(to: str) -> None:
    rule = {"to": {"email_domain": ["evil.org"]}}
    assert held(rule, {"to": to})


def test_a_network_that_takes_in_the_one_that_is_held() -> None:
    assert held({"open_to": {"cidr": ["10.0.0.0/8"]}}, {"open_to": "0.0.0.0/0"})


def test_a_long_list() -> None:
    rule = {"to": {"each": {"email_domain": ["evil.org"]}}}
    assert held(rule, {"to": ["a@evil.org"] * 5000})
    assert held(rule, {"to": "a@evil.org"})


def test_a_source_that_nobody_declared() -> None:
    assert held({"to": {"from": ["parameters/supplier"]}}, {"to": "x"})
    assert not held({"to": {"from": ["parameters/supplier"]}}, {"to": "x"}, {"supplier": "y"})
