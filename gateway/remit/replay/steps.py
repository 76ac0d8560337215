"""The steps of a scenario: each has one key that says what is done, and what it is expected to show.

They stand in the order of a run's life. A step that asks nothing of the gateway expects nothing.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from remit.model.base import CallId, Model
from remit.model.control import Scope
from remit.model.decision import Effect
from remit.model.records.run import Outcome
from remit.replay.actions import (
    Amendment,
    Answering,
    Behaving,
    Call,
    Duration,
    Finishing,
    Handle,
    Narrowing,
    Opening,
    Presenting,
    Reporting,
    Revoking,
    ToolResult,
)
from remit.replay.expect import (
    Acceptance,
    AmendExpectation,
    Answer,
    CallExpectation,
    Decided,
    OneWord,
    OutcomeExpectation,
    ParallelExpectation,
)

Accepted: TypeAlias = Annotated[Acceptance, OneWord("result", Answer)]

_ACCEPTED: Final = Acceptance(result="accepted")
_PERMIT: Final = Decided(decision="permit")


class _Step(Model):
    """What every step has.

    Attributes:
        note: why it is here, for readers.
    """

    note: str = ""


class OpenStep(_Step):
    """Open a run."""

    open: Opening
    expect: Annotated[Decided, OneWord("decision", Effect)] = _PERMIT


class NarrowStep(_Step):
    """Let a sub-agent in."""

    narrow: Narrowing
    expect: Accepted = _ACCEPTED


class CallStep(_Step):
    """Make a call; ``result`` is what the tool does with it."""

    call: Call
    result: ToolResult | None = None
    expect: Annotated[CallExpectation, OneWord("decision", Effect)]


class ParallelStep(_Step):
    """Make calls at once."""

    parallel: Annotated[tuple[Call, ...], Field(min_length=2, max_length=64)]
    expect: Annotated[ParallelExpectation, OneWord("all", Effect)]


class FinishStep(_Step):
    """Let a slow call's tool answer, and wait for its outcome."""

    finish: Annotated[Finishing, OneWord("call", CallId)]
    expect: Annotated[OutcomeExpectation, OneWord("outcome", Outcome)]


class AmendStep(_Step):
    """Change the plan."""

    amend: Amendment
    expect: Annotated[AmendExpectation, OneWord("decision", Effect)]


class ApproveStep(_Step):
    """Approve what is held."""

    approve: Answering
    expect: Accepted = _ACCEPTED


class RejectStep(_Step):
    """Reject what is held."""

    reject: Answering
    expect: Accepted = _ACCEPTED


class PresentStep(_Step):
    """Present a call token at a tool's own verifier."""

    present: Presenting
    expect: Accepted


class ReportStep(_Step):
    """Report the outcome of an authorized call."""

    report: Reporting
    expect: Accepted = _ACCEPTED


class AdvanceStep(_Step):
    """Let time pass."""

    advance: Duration


class RevokeStep(_Step):
    """Revoke a token or a run."""

    revoke: Revoking
    expect: Accepted = _ACCEPTED


class KillStep(_Step):
    """Stop an agent, tool, server, tenant or everything."""

    kill: Scope
    expect: Accepted = _ACCEPTED


class LiftStep(_Step):
    """Let it work again."""

    lift: Scope
    expect: Accepted = _ACCEPTED


class CloseStep(_Step):
    """End a run."""

    close: Handle
    by: Literal["agent", "opener"] = "agent"
    expect: Accepted = _ACCEPTED


class ToolStep(_Step):
    """Change how a tool behaves."""

    tool: Behaving


class EngineStep(_Step):
    """Take the policy engine down, bring it back, or let it answer too late."""

    engine: Literal["down", "up", "stall"]


class VerifiersStep(_Step):
    """Cut the tools off from the gateway, or connect them again."""

    verifiers: Literal["down", "up"]


_KINDS: Final = {
    name: kind
    for kind in _Step.__subclasses__()
    for name in kind.model_fields
    if name not in {"note", "expect", "result", "by"}
}


def kind_of(value: object) -> str:
    """What a step does: its one key that names an action, in brackets.

    The brackets keep it apart from the names in the file, when a message says where something is.
    """
    named = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    found = [name for name in named if name in _KINDS]
    return f"({found[0]})" if len(found) == 1 else ""


Step: TypeAlias = Annotated[
    Annotated[OpenStep, Tag("(open)")]
    | Annotated[NarrowStep, Tag("(narrow)")]
    | Annotated[CallStep, Tag("(call)")]
    | Annotated[ParallelStep, Tag("(parallel)")]
    | Annotated[FinishStep, Tag("(finish)")]
    | Annotated[AmendStep, Tag("(amend)")]
    | Annotated[ApproveStep, Tag("(approve)")]
    | Annotated[RejectStep, Tag("(reject)")]
    | Annotated[PresentStep, Tag("(present)")]
    | Annotated[ReportStep, Tag("(report)")]
    | Annotated[AdvanceStep, Tag("(advance)")]
    | Annotated[RevokeStep, Tag("(revoke)")]
    | Annotated[KillStep, Tag("(kill)")]
    | Annotated[LiftStep, Tag("(lift)")]
    | Annotated[CloseStep, Tag("(close)")]
    | Annotated[ToolStep, Tag("(tool)")]
    | Annotated[EngineStep, Tag("(engine)")]
    | Annotated[VerifiersStep, Tag("(verifiers)")],
    Discriminator(
        kind_of,
        custom_error_type="step",
        custom_error_message=f"does one thing, named by exactly one key: {', '.join(sorted(_KINDS))}",
    ),
]
