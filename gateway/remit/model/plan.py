"""The steps that a run means to take, how a caller changes them, and how two plans differ."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, model_validator

from remit.model.base import ApprovalId, Model, Name, StepId
from remit.model.constraint import Constraints

MAX_STEPS: Final = 128


class StepSpec(Model):
    """One step as a caller writes it: a tool, within constraints, at most so many times."""

    id: StepId
    tool: Name
    constraints: Constraints = Field(default_factory=dict)
    max_calls: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class Step(StepSpec):
    """One step of an accepted plan.

    Attributes:
        approval: the approval by which the template's owner let this step go beyond the template;
            set by the gateway alone, and lost as soon as the step becomes anything but narrower.
    """

    approval: ApprovalId | None = None

    def spec(self) -> StepSpec:
        """The step as a caller would have written it."""
        return StepSpec(id=self.id, tool=self.tool, constraints=self.constraints, max_calls=self.max_calls)


class PlanSpec(Model):
    """A whole plan as a caller writes it. Step ids are unique."""

    steps: Annotated[tuple[StepSpec, ...], Field(max_length=MAX_STEPS)]

    @model_validator(mode="after")
    def _unique(self) -> PlanSpec:
        ids = [step.id for step in self.steps]
        if len(set(ids)) != len(ids):
            raise ValueError("step ids must be unique")
        return self


class Plan(Model):
    """An accepted plan. An empty one admits nothing: ending a run is the amendment to it."""

    steps: Annotated[tuple[Step, ...], Field(max_length=MAX_STEPS)] = ()

    def step(self, step_id: StepId) -> Step | None:
        """The step with this id, if there is one."""
        return next((step for step in self.steps if step.id == step_id), None)


class PlanChanges(Model):
    """A plan as changes to the current one: ``put`` adds or replaces steps, ``remove`` drops them."""

    put: Annotated[tuple[StepSpec, ...], Field(max_length=MAX_STEPS)] = ()
    remove: Annotated[tuple[StepId, ...], Field(max_length=MAX_STEPS)] = ()

    @model_validator(mode="after")
    def _coherent(self) -> PlanChanges:
        named = [step.id for step in self.put] + list(self.remove)
        if not named:
            raise ValueError("changes nothing: name steps to put or to remove")
        if len(set(named)) != len(named):
            raise ValueError("names a step twice")
        return self


class PlanDiff(Model):
    """How a new plan differs from the old, step by step; ids in the order of the plan they are in.

    A step that became neither provably narrower nor provably wider stands in both lists: its tokens
    are checked one by one as for a narrowed step, and policy judges it as for a widened one.
    """

    added: tuple[StepId, ...] = ()
    removed: tuple[StepId, ...] = ()
    narrowed: tuple[StepId, ...] = ()
    widened: tuple[StepId, ...] = ()
