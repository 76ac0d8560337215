"""A human's answer to one hold, bound to exactly what was held."""

from __future__ import annotations

from typing import Literal

from remit.model.base import (
    ApprovalId,
    CallId,
    Digest,
    Milliseconds,
    Model,
    Name,
    PrincipalId,
    StepId,
    Subject,
)
from remit.model.call import Mode
from remit.model.decision import Answerer, ReasonCode

ApprovalStatus = Literal["pending", "approved", "rejected"]


class HeldCall(Model):
    """The call that a hold is about: this id, tool, mode, step and these arguments (by salted hash)."""

    kind: Literal["call"] = "call"
    call_id: CallId
    principal: PrincipalId
    tool: Name
    mode: Mode = "execute"
    step: StepId
    arguments_hash: str


class HeldAmendment(Model):
    """The amendment that a hold is about: this whole plan, on this revision."""

    kind: Literal["amendment"] = "amendment"
    base_revision: int
    plan_digest: Digest


class Approval(Model):
    """A hold and what became of it, as long as it can still matter to the run.

    Attributes:
        codes: the findings that an approval answers; it answers no others.
        revision: the plan's revision when it was asked for.
    """

    id: ApprovalId
    subject: HeldCall | HeldAmendment
    codes: tuple[ReasonCode, ...]
    answerers: tuple[Answerer, ...]
    revision: int
    expires_at: Milliseconds
    status: ApprovalStatus = "pending"
    answered_by: Subject | None = None
