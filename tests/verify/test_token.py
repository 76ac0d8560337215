from __future__ import annotations

from typing import Any

import pytest

from remit import model
from remit.core import canonical as canonical_module
from remit.core import events
from remit.errors import TokenInvalidError, WrongPlaneError
from remit.model import base, control
from remit.model import token as token_model
from remit.model.principal import Principal
from remit.verify import token as light
from remit.verify.token import verify_call_token

ISSUER = "https://gw.example.org"
AUDIENCE = "https://tools.example.org/crm"
ARGUMENTS: dict[str, Any] = {"order": "o-1", "amount": 1250}


def check(issuing: Any, token: str, **changes: Any) -> Any:
    asked: dict[str, Any] = {
        "keys": issuing.key,
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "tool": "refund",
        "arguments": ARGUMENTS,
        "now": issuing.clock.now(),
        **changes,
    }
    return verify_call_token(token, **asked)


def test_the_light_constants_are_the_model_s() -> None:
    assert model is not None
    assert (light.ACCESS_TOKEN, light.TOOL_CALL) == (token_model.ACCESS_TOKEN, token_model.TOOL_CALL)
    assert (light.CALL_TOKEN_TTL_S, light.LEEWAY_S) == (token_model.CALL_TOKEN_TTL_S, token_model.LEEWAY_S)
    assert events.EVERY_TENANT == control.GLOBAL_TENANT
    assert canonical_module._MAX_SAFE_INTEGER == base.MAX_SAFE_INTEGER


async def test_a_token_of_the_gateway_passes_and_says_who(issuing: Any) -> None:
    principal = Principal(
        id="prn_root", agent="spiffe://example.org/b", user="alice", chain=("spiffe://example.org/a",)
    )
    grant = check(issuing, await issuing.token(ARGUMENTS, principal=principal))
    assert (grant.subject, grant.client_id) == ("alice", "spiffe://example.org/a")
    assert grant.actors == ("spiffe://example.org/b", "spiffe://example.org/a")
    assert (grant.tool, grant.server, grant.tenant, grant.sequence, grant.global_sequence) == (
        "refund", "crm", "acme", 7, 3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"iss": "https://other.example.org"}, "iss"),
        ({"aud": [AUDIENCE]}, "aud"),
        ({"aud": "https://tools.example.org/erp"}, "aud"),
        ({"authorization_details": []}, "authorization_details"),
        ({"control": {"tenant": "acme", "seq": True, "all": 0}}, "seq"),
        ({"control": None}, "control"),
        ({"jti": ""}, "jti"),
        ({"exp": "soon"}, "exp"),
        ({"act": "me"}, "act"),
    ],
)
async def test_a_claim_that_is_wrong_or_missing_is_named(issuing: Any, changes: Any, names: str) -> None:
    with pytest.raises(TokenInvalidError, match=names):
        check(issuing, await issuing.token(ARGUMENTS, **changes))


@pytest.mark.parametrize(
    "change",
    [
        {"locations": ["https://tools.example.org/erp"]},
        {"locations": [AUDIENCE, AUDIENCE]},
        {"type": "urn:other"},
        {"actions": ["tools/list"]},
        {"max_uses": 2},
        {"extra": 1},
    ],
)
async def test_details_must_be_exactly_one_tool_call_here(issuing: Any, change: Any) -> None:
    details = issuing.claims(ARGUMENTS)["authorization_details"][0]
    for wrong in ([{**details, **change}], [details, details]):
        with pytest.raises(TokenInvalidError, match="authorization_details"):
            check(issuing, await issuing.token(ARGUMENTS, authorization_details=wrong))


async def test_another_tool_s_token_is_told_apart_from_a_bad_one(issuing: Any) -> None:
    with pytest.raises(WrongPlaneError):
        check(issuing, await issuing.token(ARGUMENTS), tool="delete_customer")


@pytest.mark.parametrize(
    ("at", "passes"),
    [(-2.0, True), (-2.002, False), (31.99, True), (32.0, False), (32.01, False)],
)
async def test_the_edges_of_its_life(issuing: Any, at: float, passes: bool) -> None:
    token, start = await issuing.token(ARGUMENTS), issuing.clock.now()
    if passes:
        assert check(issuing, token, now=start + at)
    else:
        with pytest.raises(TokenInvalidError, match=r"iat|exp"):
            check(issuing, token, now=start + at)


async def test_a_token_that_lives_longer_than_any_may_is_refused(issuing: Any) -> None:
    token = await issuing.token(ARGUMENTS, exp=issuing.clock.now() + 31)
    with pytest.raises(TokenInvalidError, match="exp"):
        check(issuing, token)


async def test_the_same_value_in_another_notation_is_the_same(issuing: Any) -> None:
    token = await issuing.token({"a": 1, "b": "é", "c": {"y": 1, "x": 2}})
    same = {"c": {"x": 2, "y": 1}, "b": "\u00e9", "a": 1.0}
    assert check(issuing, token, arguments=same)


@pytest.mark.parametrize(
    "other",
    [
        {"a": 1, "b": "e\u0301"},
        {"a": True, "b": "é"},
        {"a": "1", "b": "é"},
        {"a": 1.5, "b": "é"},
        {"a": 1, "b": "é", "c": None},
        {"a": 1},
        {"a": 2**53, "b": "é"},
        {"a": float("inf"), "b": "é"},
        {"a": 1, "b": "\ud800"},
    ],
)
async def test_other_arguments_are_refused(issuing: Any, other: Any) -> None:
    token = await issuing.token({"a": 1, "b": "é"})
    with pytest.raises(TokenInvalidError, match="arguments_hash"):
        check(issuing, token, arguments=other)
