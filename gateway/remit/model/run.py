"""The state of a run tree: what the fold of its records is. Bounded, however long the run is.

It keeps counts, sums and what is still open, never the history; ``core/fold`` is the only code that
makes one. It is also what a snapshot in the store holds.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from remit.model.approval import Approval
from remit.model.base import (
    ApprovalId,
    CallId,
    Milliseconds,
    Model,
    Name,
    PrincipalId,
    RunId,
    StepId,
    TokenId,
)
from remit.model.call import Mode
from remit.model.plan import Plan
from remit.model.principal import Opener, Principal

RunStatus = Literal["open", "suspended", "closed", "refused"]


class OpenCall(Model):
    """A permitted call that has not been settled, or whose token is still good.

    Attributes:
        jti, token_until: its call token, and when that expires.
        lease_until: when its forwarder's lease lapses; after it, no outcome means *unknown*.
        spends: what it reserved, by limit id.
        settled: whether its outcome is recorded (then only its token is still of interest).
    """

    call_id: CallId
    principal: PrincipalId
    tool: Name
    step: StepId
    mode: Mode
    jti: TokenId
    token_until: Milliseconds
    lease_until: Milliseconds
    spends: dict[str, int] = Field(default_factory=dict)
    revoked: bool = False
    settled: bool = False


class RunState(Model):
    """One run tree as its records say it is.

    Attributes:
        ceiling: the last plan that somebody other than the agent set, which the agent cannot go beyond
            without asking; ``None`` when nobody did.
        intent_hash: the salted hash of the task text and parameters, which are kept beside the log.
        used, in_flight: by limit id; what is spent, and what is reserved by unsettled calls.
        calls: permitted calls that still matter, by call id.
        approvals: holds that still matter, by approval id.
        denials: calls denied in this run so far.
    """

    run: RunId
    tenant: Name
    status: RunStatus
    template: Name
    opener: Opener
    declared_by: Literal["user", "orchestrator", "agent"]
    intent_hash: str
    opened_at: Milliseconds
    expires_at: Milliseconds
    plan: Plan
    ceiling: Plan | None = None
    revision: int
    principals: dict[PrincipalId, Principal]
    used: dict[str, int] = Field(default_factory=dict)
    in_flight: dict[str, int] = Field(default_factory=dict)
    calls: dict[CallId, OpenCall] = Field(default_factory=dict)
    approvals: dict[ApprovalId, Approval] = Field(default_factory=dict)
    denials: int = 0
