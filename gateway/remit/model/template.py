"""A task type that a team registers: for whom, with which tools, within which bounds, until when."""

from __future__ import annotations

import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from remit.model.base import JsonObject, Model, Name, Pointer, Subject
from remit.model.constraint import Constraints
from remit.model.plan import MAX_STEPS

DEFAULT_TTL_S: Final = 3600
MAX_TTL_S: Final = 86_400


def _no_parameters() -> JsonObject:
    return {"type": "object", "additionalProperties": False}


class ToolGrant(Model):
    """A tool that runs of this template may use, within constraints, at most so many times a run."""

    name: Name
    constraints: Constraints = Field(default_factory=dict)
    max_calls: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class Limit(Model):
    """A budget of one run: how many calls, or how much of an integer argument, in all.

    Attributes:
        tools: which tools spend it; empty for every tool.
        sum: the argument whose values add up (a non-negative integer; money in minor units);
            ``None`` counts calls.
        unit: what is counted, for people: ``calls``, ``EUR cent``.
    """

    id: Name
    max: Annotated[int, Field(ge=0)]
    unit: Annotated[str, StringConstraints(min_length=1, max_length=32)] = "calls"
    window: Literal["run"] = "run"
    tools: tuple[Name, ...] = ()
    sum: Pointer | None = None


class HoldRule(Model):
    """Calls that wait for a human.

    Attributes:
        when: which arguments make it wait; empty for every call of the tool.
        answerer: ``user`` asks the run's user to confirm; ``owner`` asks the template's owner;
            ``role:NAME`` asks anyone with that role, never the run's user.
    """

    id: Name
    tool: Name
    when: Constraints = Field(default_factory=dict)
    answerer: Annotated[str, StringConstraints(pattern=r"^(user|owner|role:[A-Za-z0-9_.-]{1,64})$")]


class Template(Model):
    """One task type.

    Attributes:
        agents: the workload identities that may run it.
        users: the users that it may be run for; ``*`` for any verified user, empty for none (then
            only autonomous runs).
        autonomous: whether a run without a verified user is admitted.
        parameters: the JSON Schema of the intent's parameters.
        tools: as many as a plan may have steps, because a run that declares no plan has one for each.
        ttl_s: how long a run may live, seconds.
        review_by: the day from which it no longer counts unless somebody renewed it.
    """

    id: Name
    owner: Subject
    purpose: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    agents: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=1024)]
    users: tuple[Subject, ...] = ()
    autonomous: bool = False
    parameters: JsonObject = Field(default_factory=_no_parameters)
    tools: Annotated[tuple[ToolGrant, ...], Field(min_length=1, max_length=MAX_STEPS)]
    limits: Annotated[tuple[Limit, ...], Field(max_length=64)] = ()
    holds: Annotated[tuple[HoldRule, ...], Field(max_length=64)] = ()
    ttl_s: Annotated[int, Field(ge=1, le=MAX_TTL_S)] = DEFAULT_TTL_S
    mode: Literal["enforce"] = "enforce"
    review_by: datetime.date

    @model_validator(mode="after")
    def _unique(self) -> Template:
        for label, ids in (
            ("tools", [grant.name for grant in self.tools]),
            ("limits", [limit.id for limit in self.limits]),
            ("holds", [hold.id for hold in self.holds]),
        ):
            if len(set(ids)) != len(ids):
                raise ValueError(f"{label}: names must be unique")
        return self

    def grant(self, tool: Name) -> ToolGrant | None:
        """The grant for this tool, if the template has one."""
        return next((grant for grant in self.tools if grant.name == tool), None)
