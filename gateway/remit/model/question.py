"""The document that Rego sees, as a closed model: building one is the check before any engine.

Its size does not depend on how long the run is. CONTRACTS, "What Rego sees, and says"; ``origins``
and ``labels`` join when the gateway propagates them (ADR 0006). Times are epoch *seconds*.
"""

from __future__ import annotations

from typing import Literal

from remit.model.approval import ApprovalStatus
from remit.model.base import JsonObject, Model
from remit.model.plan import PlanDiff


class AgentFacts(Model):
    """The calling agent, and what the inventory knows of it (``known`` false: nothing)."""

    id: str
    known: bool
    owner: str | None
    roles: tuple[str, ...]
    environments: tuple[str, ...]
    confirmed_at: int | None


class UserFacts(Model):
    """The user for whom the agent acts."""

    id: str
    roles: tuple[str, ...]
    verified: bool
    confirmed_at: int | None


class OpenerFacts(Model):
    """Who opened the run."""

    id: str
    kind: Literal["user", "orchestrator", "agent"]


class PrincipalFacts(Model):
    """Who acts, for whom, through whom."""

    agent: AgentFacts
    user: UserFacts | None
    chain: tuple[str, ...]
    opener: OpenerFacts


class RunFacts(Model):
    """The run so far, in numbers that do not grow."""

    id: str
    template: str
    purpose: str | None
    parameters: JsonObject
    declared_by: Literal["user", "orchestrator", "agent"]
    revision: int
    opened_at: int
    expires_at: int
    denials: int


class LimitFacts(Model):
    """One limit that this call spends: ``used + in_flight + amount`` may reach ``max``."""

    id: str
    window: Literal["run"]
    used: int
    in_flight: int
    amount: int
    max: int
    unit: str


class Violation(Model):
    """One constraint that does not hold: which argument, which operator."""

    argument: str
    operator: str


class StepFacts(Model):
    """The plan step that admits the call or comes nearest to it.

    Attributes:
        admitted: its tool and constraints admit this call, for this principal.
        approved: the template's owner let this step go beyond the template.
    """

    id: str
    admitted: bool
    violations: tuple[Violation, ...]
    approved: bool


class GrantFacts(Model):
    """What the template says of this tool with these arguments (or of a step of a plan)."""

    granted: bool
    violations: tuple[Violation, ...]


class HoldFacts(Model):
    """A hold rule of the template that this call meets."""

    id: str
    answerer: str


class CallFacts(Model):
    """The call: effective arguments, and what is plainly so about them."""

    id: str
    tool: str
    mode: Literal["execute", "authorize"]
    arguments: JsonObject
    step: StepFacts | None
    grant: GrantFacts
    holds: tuple[HoldFacts, ...]


class SecretFacts(Model):
    """A static secret that the gateway would put on this call."""

    kind: Literal["static"]
    age_days: int


class ReviewFacts(Model):
    """The tool's review; ``until`` is the end of that day, epoch seconds."""

    by: str
    until: int
    definition_changed: bool


class ToolFacts(Model):
    """The tool as the catalogue has it."""

    name: str
    server: str
    owner: str
    impact: Literal["read", "write", "irreversible"]
    risk: Literal["low", "medium", "high"]
    environment: str
    resource: str
    authority: tuple[str, ...]
    reviewed: ReviewFacts | None
    secret: SecretFacts | None


class ApprovalFacts(Model):
    """A human's answer that is bound to exactly this question."""

    id: str
    status: ApprovalStatus
    codes: tuple[str, ...]
    answered_by: str | None
    expires_at: int


class StepChange(Model):
    """A step that the amendment adds or widens.

    Attributes:
        within_template: the template provably admits everything that the step would.
        within_ceiling: so does the last plan that somebody other than the agent set, if there is one.
    """

    id: str
    tool: str
    known: bool
    within_template: bool
    within_ceiling: bool


class PlanFacts(Model):
    """The amendment: from which revision, by whom, and what it changes."""

    base_revision: int
    requested_by: Literal["user", "orchestrator", "agent"]
    diff: PlanDiff
    grown: tuple[StepChange, ...]


class QuestionDocument(Model):
    """The whole input. ``run`` questions have neither ``call`` nor ``plan``."""

    version: Literal[1] = 1
    question: Literal["run", "plan", "call"]
    time: int
    environment: str
    principal: PrincipalFacts
    run: RunFacts
    call: CallFacts | None = None
    tool: ToolFacts | None = None
    plan: PlanFacts | None = None
    limits: tuple[LimitFacts, ...] = ()
    approvals: tuple[ApprovalFacts, ...] = ()
