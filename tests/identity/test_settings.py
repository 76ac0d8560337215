from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from remit.core.canonical import canonical
from remit.identity import Grant, IssuerConfig

GOOD: dict[str, Any] = {
    "name": "idp",
    "issuer": "https://idp.example.org",
    "jwks_uri": "https://idp.example.org/jwks",
    "audiences": {"agent": ["https://gw.example.org"]},
    "grants": [{"subject": "alice", "roles": ["user"]}],
}
SPIFFE: dict[str, Any] = {
    **GOOD,
    "kind": "spiffe",
    "issuer": "spiffe://example.org",
    "grants": [{"subject": "spiffe://example.org/agent/*", "roles": ["agent"]}],
}


def load(settings: dict[str, Any]) -> IssuerConfig:
    return IssuerConfig.model_validate_json(canonical(settings))


def test_what_is_stated_loads() -> None:
    assert load(GOOD).tenant == "default"
    assert load(SPIFFE).kind == "spiffe"


@pytest.mark.parametrize(
    "change",
    [
        {"grants": []},
        {"grants": [{"subject": "*", "roles": ["admin"]}]},
        {"grants": [{"subject": "**", "roles": ["admin"]}]},
        {"grants": [{"subject": "*/*", "roles": ["admin"]}]},
        {"grants": [{"subject": "", "roles": ["admin"]}]},
        {"grants": [{"subject": "alice", "roles": []}]},
        {"grants": [{"subject": "alice", "roles": ["root"]}]},
        {"audiences": {}},
        {"audiences": {"agent": []}},
        {"audiences": {"agent": [""]}},
        {"audiences": {"agent": ["a"], "admin": ["a"]}},
        {"algorithms": []},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"algorithms": ["EdDSA"]},
        {"jwks_uri": None},
        {"discovery": True},
        {"tenant": "all"},
        {"unknown": 1},
    ],
)
def test_what_would_trust_more_than_was_meant_does_not_load(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load({**GOOD, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://example.org"},
        {"issuer": "spiffe://example.org/agent"},
        {"grants": [{"subject": "spiffe://other.org/agent/*", "roles": ["agent"]}]},
        {"grants": [{"subject": "spiffe://example.org*", "roles": ["agent"]}]},
        {"jwks_uri": None, "discovery": True},
    ],
)
def test_a_spiffe_issuer_is_one_trust_domain(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load({**SPIFFE, **change})


@pytest.mark.parametrize(
    ("pattern", "subject", "covered"),
    [
        ("alice", "alice", True),
        ("alice", "alice2", False),
        ("a.ice", "alice", False),
        ("spiffe://x/ns/*/sa/b", "spiffe://x/ns/prod/sa/b", True),
        ("spiffe://x/ns/*/sa/b", "spiffe://x/ns/evil/sa/x/sa/b", False),
        ("repo:o/r:**", "repo:o/r:ref:refs/heads/main", True),
        ("repo:o/r:*", "repo:o/r:ref:refs/heads/main", False),
        ("repo:o/r:**", "repo:o/r2:ref:refs/heads/main", False),
        ("a[b]*", "a[b]c", True),
        ("a[b]*", "abc", False),
    ],
)
def test_patterns(pattern: str, subject: str, covered: bool) -> None:
    assert Grant(subject=pattern, roles=("user",)).covers(subject, {}) is covered


@pytest.mark.parametrize(
    ("claims", "covered"),
    [
        ({"env": "prod", "n": 1, "ok": True}, True),
        ({"env": ["dev", "prod"], "n": 1, "ok": True}, True),
        ({"env": "prod2", "n": 1, "ok": True}, False),
        ({"env": "prod", "n": True, "ok": True}, False),
        ({"env": "prod", "n": 1, "ok": 1}, False),
        ({"env": "prod", "n": 1}, False),
        ({"env": {"prod": 1}, "n": 1, "ok": True}, False),
    ],
)
def test_claim_conditions(claims: Any, covered: bool) -> None:
    grant = Grant(subject="alice", claims={"env": "prod", "n": 1, "ok": True}, roles=("user",))
    assert grant.covers("alice", claims) is covered
