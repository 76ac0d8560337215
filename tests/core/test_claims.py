from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.canonical import canonical, salted_hash, un_b64url
from remit.core.claims import actor_of, call_claims, client_of, read_call, read_run, run_claims, subject_of
from remit.errors import TokenInvalidError
from remit.model.principal import Principal
from remit.model.token import Control, Mission
from remit.model.tool import Tool

ISSUER = "https://gw.example.org"
NOW = 1_795_284_155_257
RUN, JTI = "run_" + "0" * 26, "tok_" + "0" * 26
TOOL = Tool.model_validate_json(
    canonical(
        {
            "name": "refund",
            "server": "crm",
            "owner": "o",
            "environment": "prod",
            "resource": "https://tools.example.org/crm",
            "schema": {"type": "object"},
        }
    )
)
ROOT = Principal(id="prn_root", agent="root-agent", user="alice")


def run_token(principal: Principal = ROOT, **changes: Any) -> Any:
    claims = run_claims(
        issuer=ISSUER,
        audience=ISSUER,
        run=RUN,
        tenant="acme",
        principal=principal,
        jti=JTI,
        now_ms=NOW,
        expires_ms=NOW + 3_600_000,
    )
    return {**claims.model_dump(mode="json", exclude_none=True), **changes}


def call_token(principal: Principal = ROOT, **changes: Any) -> Any:
    claims = call_claims(
        issuer=ISSUER,
        run=RUN,
        call_id="c1",
        principal=principal,
        tool=TOOL,
        arguments=b'{"a":1}',
        salt=b"salt",
        mission=Mission(id="refunds", rev=2),
        control=Control(tenant="acme", seq=7, all=3),
        jti=JTI,
        now_ms=NOW,
        expires_ms=NOW + 30_000,
    )
    return {**claims.model_dump(mode="json", exclude_none=True), **changes}


def test_a_delegated_run_names_the_user_and_who_acts() -> None:
    claims = run_token()
    assert (claims["sub"], claims["client_id"], claims["act"]) == (
        "alice",
        "root-agent",
        {"sub": "root-agent"},
    )
    assert (claims["iat"], claims["exp"]) == (1_795_284_155.257, 1_795_287_755.257)


def test_an_autonomous_agent_is_subject_and_client_and_has_no_actor() -> None:
    claims = run_token(Principal(id="prn_root", agent="root-agent"))
    assert (claims["sub"], claims["client_id"]) == ("root-agent", "root-agent")
    assert "act" not in claims


def test_the_current_actor_is_outermost() -> None:
    chain = ("root-agent", "middle")
    delegated = Principal(id="prn_root", agent="leaf", user="alice", chain=chain)
    assert call_token(delegated)["act"] == {
        "sub": "leaf",
        "act": {"sub": "middle", "act": {"sub": "root-agent"}},
    }
    autonomous = Principal(id="prn_root", agent="leaf", chain=chain)
    assert call_token(autonomous)["act"] == {"sub": "leaf", "act": {"sub": "middle"}}


@given(st.none() | st.just("alice"), st.lists(st.sampled_from(["b", "c", "d"]), max_size=4))
def test_client_and_subject_stay_the_same_all_through_a_run(user: str | None, agents: list[str]) -> None:
    """MCP servers bind their sessions to (client_id, iss, sub)."""
    root = Principal(id="prn_root", agent="a", user=user)
    chain = ["a", *agents]
    sub_agent = Principal(id="prn_root", agent=chain[-1], user=user, chain=tuple(chain[:-1]))
    assert (client_of(sub_agent), subject_of(sub_agent)) == (client_of(root), subject_of(root))
    actor = actor_of(sub_agent)
    assert (actor.sub if actor else "a") == chain[-1]


def test_a_call_token_commits_to_the_arguments_without_telling_them() -> None:
    (details,) = call_token()["authorization_details"]
    assert details["arguments_hash"] == salted_hash(un_b64url(details["salt"]), b'{"a":1}')
    assert (details["locations"], details["identifier"], details["max_uses"]) == (
        [TOOL.resource],
        "refund",
        1,
    )


def test_both_are_read_back() -> None:
    run = read_run(run_token(), issuer=ISSUER, audience=ISSUER, now_ms=NOW)
    assert (run.sid, run.tenant, run.principal) == (RUN, "acme", "prn_root")
    call = read_call(call_token(), issuer=ISSUER, audience=TOOL.resource, now_ms=NOW)
    assert (call.control.seq, call.server, call.mission.rev) == (7, "crm", 2)


def test_neither_passes_for_the_other() -> None:
    with pytest.raises(TokenInvalidError):
        read_run(call_token(aud=ISSUER), issuer=ISSUER, audience=ISSUER, now_ms=NOW)
    with pytest.raises(TokenInvalidError):
        read_call(run_token(aud=TOOL.resource), issuer=ISSUER, audience=TOOL.resource, now_ms=NOW)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"iss": "https://other.example.org"}, "iss"),
        ({"aud": "https://tools.example.org/crm"}, "aud"),
        ({"aud": [ISSUER]}, "aud"),
        ({"iat": (NOW + 2_001) / 1000}, "iat"),
        ({"exp": (NOW - 2_000) / 1000}, "exp"),
        ({"exp": "2099"}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"sid": "run_1"}, "sid"),
        ({"scope": "all"}, "scope"),
        ({"act": {"sub": "x", "admin": True}}, "act"),
    ],
)
def test_what_fails_is_named(changes: Any, names: str) -> None:
    with pytest.raises(TokenInvalidError, match=names):
        read_run(run_token(**changes), issuer=ISSUER, audience=ISSUER, now_ms=NOW)


@pytest.mark.parametrize("at", [NOW - 2_000, NOW + 3_600_000 + 1_999])
def test_the_leeway_is_two_seconds(at: int) -> None:
    assert read_run(run_token(), issuer=ISSUER, audience=ISSUER, now_ms=at)


def test_a_call_is_for_the_place_that_it_is_addressed_to() -> None:
    details = {**call_token()["authorization_details"][0], "locations": ["https://elsewhere.example"]}
    with pytest.raises(TokenInvalidError, match="locations"):
        read_call(
            call_token(authorization_details=[details]), issuer=ISSUER, audience=TOOL.resource, now_ms=NOW
        )
