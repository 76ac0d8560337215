"""The shapes of answers. What the OpenAPI document describes, and what the tests hold the doors to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from remit.flows.signals import Confirmation
from remit.model.approval import ApprovalStatus
from remit.model.base import (
    ApprovalId,
    DecisionId,
    JsonObject,
    Milliseconds,
    Model,
    PrincipalId,
    RunId,
    StepId,
    TokenId,
)
from remit.model.decision import Answerer, Effect, Obligation
from remit.model.plan import Plan, PlanDiff
from remit.model.records.run import Outcome
from remit.model.run import RunStatus


class FindingAnswer(Model):
    """One reason, in words, with what can be done about it."""

    code: str
    subject: str
    rule: str
    title: str
    description: str
    remedy: str


class DecisionAnswer(Model):
    """What every answer with a decision says of it."""

    decision_id: DecisionId
    decision: Effect
    findings: tuple[FindingAnswer, ...]
    obligations: tuple[Obligation, ...]
    retryable: bool


class Problem(Model):
    """RFC 9457. ``type`` ends in a stable code; ``field`` names what is wrong with a 422.

    The members of a decision are there when policy refused to open a run or to change a plan.
    """

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    decision_id: DecisionId | None = None
    decision: Effect | None = None
    findings: tuple[FindingAnswer, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    retryable: bool | None = None


class ApprovalAnswer(Model):
    """A hold and who can answer it."""

    id: ApprovalId
    status: ApprovalStatus
    codes: tuple[str, ...]
    answerers: tuple[Answerer, ...]
    expires_at: Milliseconds


class OutcomeAnswer(Model):
    """How an executed call came out. ``unknown``: it was sent, and nobody knows."""

    outcome: Outcome
    status: int | None = None
    content_type: str | None = None
    body: str | None = None
    why: str | None = None


class CallAnswer(DecisionAnswer):
    """The answer to a call: 200 whatever the decision."""

    token: str | None = None
    token_id: TokenId | None = None
    expires_at: Milliseconds | None = None
    revision: int | None = None
    outcome: OutcomeAnswer | None = None
    approval: ApprovalAnswer | None = None
    message: str | None = None
    repeated: bool = False


class OpenedAnswer(Model):
    """A run, open, and the token to act in it."""

    run: RunId
    token: str
    expires_at: Milliseconds
    plan: Plan
    revision: int
    decision_id: DecisionId


class TokenAnswer(Model):
    """A fresh run token."""

    token: str
    expires_at: Milliseconds


class PrincipalAnswer(Model):
    """A narrowed principal and its own run token."""

    principal: PrincipalId
    steps: tuple[StepId, ...]
    token: str
    expires_at: Milliseconds


class LimitAnswer(Model):
    """What is left of one limit."""

    id: str
    unit: str
    max: int
    used: int
    in_flight: int


class RunAnswer(Model):
    """A run as its holder may know it."""

    run: RunId
    status: RunStatus
    template: str
    revision: int
    plan: Plan
    opened_at: Milliseconds
    expires_at: Milliseconds
    limits: tuple[LimitAnswer, ...]
    approvals: tuple[ApprovalAnswer, ...]


class AmendedAnswer(Model):
    """What a change of plan did: what it revoked, what it voided, who has confirmed."""

    decision_id: DecisionId
    revision: int
    steps: PlanDiff
    revoked: tuple[TokenId, ...]
    voided: tuple[ApprovalId, ...]
    verifiers: Confirmation


class HeldAnswer(DecisionAnswer):
    """A change of plan that waits for a human; the plan is as it was."""

    approval: ApprovalAnswer
    message: str


class ClosedAnswer(Model):
    """An ended run."""

    run: RunId
    status: RunStatus
    verifiers: Confirmation


class ReportAnswer(Model):
    """A reported outcome was recorded."""

    recorded: Literal[True] = True


class RevokedAnswer(Model):
    """What a revocation did; ``sequence`` is its place in the control stream (0: not a kill)."""

    sequence: int
    verifiers: Confirmation | None = None


class PageAnswer(Model):
    """Some rows, and the cursor of the next page, if there is one."""

    rows: tuple[JsonObject, ...]
    cursor: int | None = None


class HoldsAnswer(Model):
    """Holds that wait for a human."""

    approvals: tuple[JsonObject, ...]


class PollRequest(Model):
    """RFC 8936 section 2.4."""

    max_events: Annotated[int, Field(ge=0, le=1000)] = Field(default=100, alias="maxEvents")
    return_immediately: bool = Field(default=False, alias="returnImmediately")
    ack: tuple[str, ...] = ()
    set_errs: JsonObject = Field(default_factory=dict, alias="setErrs")


class PollAnswer(Model):
    """RFC 8936 section 2.4."""

    sets: dict[str, str]
    more_available: bool = Field(alias="moreAvailable")
