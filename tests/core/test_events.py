from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core import events
from remit.errors import TokenInvalidError
from remit.model.control import Scope

ISSUER = "https://gw.example.org"
COMMON: Any = {"issuer": ISSUER, "event_id": "evt_1", "now_ms": 1_795_284_155_250}
names = st.from_regex(r"[!-~]{1,40}", fullmatch=True)


@given(names, names)
def test_a_dead_token_is_read_back(token: str, tenant: str) -> None:
    made = events.token_revoked(**COMMON, token=token, tenant=tenant)
    assert events.read(made, issuer=ISSUER) == events.TokenDead(token)


@given(names, names)
def test_an_ended_run_is_read_back(run: str, tenant: str) -> None:
    made = events.run_ended(**COMMON, run=run, tenant=tenant)
    assert events.read(made, issuer=ISSUER) == events.RunEnded(run)


@given(st.sampled_from(["agent", "tool", "server", "tenant"]), names, names, st.integers(0, 2**53 - 1))
def test_a_kill_is_read_back(kind: Any, name: str, tenant: str, sequence: int) -> None:
    made = events.killed(**COMMON, scope=Scope(kind=kind, id=name), sequence=sequence, tenant=tenant)
    assert events.read(made, issuer=ISSUER) == events.Floor(tenant, kind, name, sequence)


@pytest.mark.parametrize("tenant", ["acme", events.EVERY_TENANT])
def test_a_kill_of_everything_covers_what_its_stream_covers(tenant: str) -> None:
    made = events.killed(**COMMON, scope=Scope(kind="all", id="all"), sequence=4, tenant=tenant)
    assert events.read(made, issuer=ISSUER) == events.Floor(tenant, "tenant", tenant, 4)


def test_the_shape_is_caep_s() -> None:
    scope = Scope(kind="agent", id="spiffe://x/a")
    assert events.killed(**COMMON, scope=scope, sequence=8, tenant="acme") == {
        "iss": ISSUER,
        "aud": f"{ISSUER}/verifiers",
        "jti": "evt_1",
        "iat": 1_795_284_155.25,
        "sub_id": {
            "format": "complex",
            "application": {"format": "uri", "uri": "spiffe://x/a"},
            "tenant": {"format": "opaque", "id": "acme"},
        },
        "events": {
            "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {
                "event_timestamp": 1_795_284_155,
                "initiating_entity": "admin",
                "tenant": "acme",
                "remit_sequence": 8,
            }
        },
    }


def test_unknown_members_beside_what_is_understood_are_ignored() -> None:
    made: Any = events.run_ended(**COMMON, run="run_1", tenant="acme")
    made["txn"] = "x"
    made["events"][events.SESSION_REVOKED]["reason_admin"] = {"en": "over"}
    assert events.read(made, issuer=ISSUER) == events.RunEnded("run_1")


KILL: Any = events.killed(**COMMON, scope=Scope(kind="tool", id="refund"), sequence=8, tenant="acme")


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"aud": ISSUER},
        {"aud": [f"{ISSUER}/verifiers"]},
        {"sub": "alice"},
        {"exp": 1},
        {"events": {}},
        {"events": None},
        {"events": {"urn:x": {}}},
        {"events": {events.SESSION_REVOKED: {}, "urn:x": {}}},
        {"events": {events.SESSION_REVOKED: {"tenant": "acme", "remit_sequence": True}}},
        {"events": {events.SESSION_REVOKED: {"tenant": "acme", "remit_sequence": "8"}}},
        {"events": {events.SESSION_REVOKED: {"remit_sequence": 8}}},
        {"events": {events.SESSION_REVOKED: []}},
        {"sub_id": None},
        {"sub_id": {"format": "email", "email": "a@b"}},
        {"sub_id": {"format": "jwt_id", "iss": "https://evil.example", "jti": "tok_1"}},
        {"sub_id": {"format": "jwt_id", "iss": ISSUER, "jti": 7}},
        {"sub_id": {"format": "complex"}},
        {"sub_id": {"format": "complex", "remit_tool": {"format": "opaque", "id": "refund"}}},
        {"sub_id": {**KILL["sub_id"], "tenant": {"format": "opaque", "id": "other"}}},
        {"sub_id": {**KILL["sub_id"], "device": {"format": "opaque", "id": "x"}}},
        {"sub_id": {**KILL["sub_id"], "session": {"format": "opaque", "id": "x"}}},
    ],
)
def test_what_is_not_understood_is_not_passed_over(change: Any) -> None:
    assert events.read(KILL, issuer=ISSUER)
    with pytest.raises(TokenInvalidError):
        events.read({**KILL, **change}, issuer=ISSUER)


def test_a_heartbeat_changes_nothing() -> None:
    beat = {
        **KILL,
        "sub_id": {"format": "opaque", "id": "stream"},
        "events": {events.VERIFICATION: {"state": "1"}},
    }
    assert events.read(beat, issuer=ISSUER) is None
