"""What the steps of a scenario do, as it is written. Data only."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from remit.model.base import CallId, Json, JsonObject, Model, Name, StepId, Subject
from remit.model.call import Mode
from remit.model.plan import PlanChanges, PlanSpec
from remit.model.records.run import Outcome
from remit.replay.expect import OneWord

Handle: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""What a scenario calls a principal or a hold; the gateway never sees it."""
Duration: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(ms|s|m|h|d)$")]

MAIN: Final = "main"
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(duration: Duration) -> int:
    """``30s`` as 30 000."""
    number, unit = re.fullmatch(r"(\d+)(\D+)", duration).groups()  # type: ignore[union-attr]
    return int(number) * _UNIT_MS[unit]


Behaviour: TypeAlias = Literal["answer", "not-sent", "no-answer", "slow"]


class Result(Model):
    """What a tool does with a call that has reached it, once its verifier has accepted the token.

    Attributes:
        behaviour: ``not-sent``: it cannot be reached. ``no-answer``: it takes the call and falls
            silent. ``slow``: it answers when a ``finish`` step says so.
        body: a string is sent as plain text, everything else as JSON.
    """

    behaviour: Behaviour = "answer"
    status: Annotated[int, Field(ge=100, le=599)] = 200
    body: Json = Field(default_factory=dict)


ToolResult: TypeAlias = Annotated[Result, OneWord("behaviour", Behaviour)]


class Opening(Model):
    """A run to open.

    Attributes:
        name: what the run's root principal is called in the scenario.
        opener: which of the three opens it, and so declares its intent.
        user: for whom. An opener who is not the user presents the user's own token.
    """

    name: Handle = MAIN
    opener: Literal["agent", "user", "orchestrator"] = "user"
    agent: Subject | None = None
    user: Subject | None = None
    orchestrator: Subject | None = None
    template: Name
    task: str = ""
    parameters: JsonObject = Field(default_factory=dict)
    plan: PlanSpec | None = None

    @model_validator(mode="after")
    def _opener_named(self) -> Opening:
        if getattr(self, self.opener) is None:
            raise ValueError(f"the opener is the {self.opener}, and no {self.opener} is named")
        return self


class Narrowing(Model):
    """A sub-agent that may take only these steps."""

    name: Handle
    agent: Subject
    steps: tuple[StepId, ...]
    by: Handle = MAIN


class Call(Model):
    """A tool call, and the principal that makes it."""

    id: CallId
    tool: Name
    arguments: JsonObject = Field(default_factory=dict)
    step: StepId | None = None
    mode: Mode = "execute"
    by: Handle = MAIN


class Amendment(Model):
    """A change of plan.

    Attributes:
        name: what its hold is called, if it is held.
        by: the agent inside the run, or whoever opened it.
        base_revision: by default the current one.
    """

    name: Handle = "plan"
    run: Handle = MAIN
    by: Literal["agent", "opener"] = "agent"
    base_revision: int | None = None
    plan: PlanSpec | None = None
    changes: PlanChanges | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _one(self) -> Amendment:
        if (self.plan is None) == (self.changes is None):
            raise ValueError("name either the whole plan or the changes to it")
        return self


class Answering(Model):
    """A person's answer to a hold.

    Attributes:
        hold: the id of the held call, or the name of the held amendment.
        by: who answers; what they are is what the inventory says of them.
        signed_in: how long ago.
    """

    hold: Handle
    by: Subject
    signed_in: Duration = "1m"
    reason: Annotated[str, StringConstraints(min_length=1)] = "as the scenario has it"


class Presenting(Model):
    """A call token at a tool: by default at its own, with the arguments that it was given for."""

    call: CallId
    tool: Name | None = None
    arguments: JsonObject | None = None


class Reporting(Model):
    """What a caller says became of a call that it was authorized to make."""

    call: CallId
    outcome: Outcome
    result: JsonObject = Field(default_factory=dict)
    by: Handle = MAIN


class Finishing(Model):
    """A slow call, and what its tool answers after all."""

    call: CallId
    result: ToolResult = Result()


class Behaving(Model):
    """How a tool behaves from now on."""

    name: Name
    result: ToolResult


class Revoking(Model):
    """One call token or one run, revoked by an administrator."""

    call: CallId | None = None
    run: Handle | None = None

    @model_validator(mode="after")
    def _one(self) -> Revoking:
        if (self.call is None) == (self.run is None):
            raise ValueError("name either a call, whose token is revoked, or a run")
        return self
