"""Every number that a flow depends on, named, with its unit and where it comes from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from remit.model.base import Model, Name


class FlowSettings(Model):
    """What the flows may be told. Defaults are CONTRACTS' "Keys and lifetimes" where it has one.

    Attributes:
        issuer: the agent plane's external URL: ``iss`` of all tokens, audience of run tokens.
        admin_audience: the admin plane's external URL, the audience of approvers' tokens.
        tenants: the tenants whose control streams this gateway keeps.
        run_token_ttl_s, call_token_ttl_s: lifetimes of the two tokens, seconds.
        lease_ms: how long after its permit an execute-mode call may stay without an outcome.
        approval_ttl_ms: how long a hold waits for its human.
        sign_in_max_age_s: how recently an approver must have signed in.
        max_open_holds: holds of one run that may be open at once.
        max_live_calls: calls of one run that may be open, or whose token may still be good, at once.
        suspend_after_denials: final denials after which a run may only end.
        queue_per_run: judgements of one run that may wait; the next one is told to come back.
        swap_attempts: how often a judgement is made anew because somebody else appended first.
        brake_attempts: the same for what amends, ends or settles, which must win against calls.
        cached_runs: folded runs kept in memory.
        snapshot_every: records of a stream between two stored snapshots.
        confirm_wait_ms: how long an answer waits for verifiers to confirm a revocation.
        poll_hold_ms: how long an idle verifier's poll is held.
        max_wait_s: the longest ``Prefer: wait``.
        checkpoint_every_ms, checkpoint_every_records: when a checkpoint is due, whichever is first.
    """

    issuer: str
    admin_audience: str
    tenants: tuple[Name, ...] = ("default",)
    run_token_ttl_s: Annotated[int, Field(ge=1, le=3600)] = 3600
    call_token_ttl_s: Annotated[int, Field(ge=1, le=30)] = 30
    lease_ms: Annotated[int, Field(ge=1_000)] = 60_000
    approval_ttl_ms: Annotated[int, Field(ge=1_000)] = 900_000
    sign_in_max_age_s: Annotated[int, Field(ge=60)] = 43_200
    max_open_holds: Annotated[int, Field(ge=1)] = 32
    max_live_calls: Annotated[int, Field(ge=1)] = 2_000
    suspend_after_denials: Annotated[int, Field(ge=1)] = 200
    queue_per_run: Annotated[int, Field(ge=1)] = 256
    swap_attempts: Annotated[int, Field(ge=1)] = 8
    brake_attempts: Annotated[int, Field(ge=1)] = 64
    cached_runs: Annotated[int, Field(ge=1)] = 10_000
    snapshot_every: Annotated[int, Field(ge=2)] = 256
    confirm_wait_ms: Annotated[int, Field(ge=0)] = 500
    poll_hold_ms: Annotated[int, Field(ge=10)] = 2_000
    max_wait_s: Annotated[int, Field(ge=0, le=30)] = 30
    checkpoint_every_ms: Annotated[int, Field(ge=10)] = 1_000
    checkpoint_every_records: Annotated[int, Field(ge=1)] = 1_000
