"""What is plainly so about a call, before anybody judges it.

Core denies by itself only where no policy may differ: the run or principal is not one that may act,
a kill stands, the tool is unknown, the arguments are invalid. Everything else is a fact for Rego.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from remit.core.arguments import Effective
from remit.core.constraints import surely_not, violations
from remit.core.planning import admitting_step
from remit.core.pointers import resolve
from remit.core.registry import Registry
from remit.errors import FieldError
from remit.model.base import JsonObject, Pointer
from remit.model.call import ToolCall
from remit.model.control import GLOBAL_TENANT, ControlState
from remit.model.decision import Finding
from remit.model.plan import Plan
from remit.model.principal import Principal
from remit.model.question import GrantFacts, HoldFacts, LimitFacts, StepFacts
from remit.model.run import RunState
from remit.model.template import Template
from remit.model.token import Control
from remit.model.tool import Tool

MAX_SUBJECT_CHARS: Final = 512
"""``Finding.subject``'s length."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What the run was asked to do; kept beside the log, so that it can be erased."""

    task: str
    parameters: JsonObject

    def declared(self, by: Literal["user", "orchestrator", "agent"]) -> JsonObject:
        """The parameters that a constraint's ``from`` may rely on, given who declared the intent.

        What an agent writes can narrow what it may do; it is never a source of authority for a value.
        """
        return {} if by == "agent" else self.parameters


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that one judgement is made under: one consistent view.

    Attributes:
        controls: the control states read, the tenant's and the global one.
        now: epoch milliseconds.
    """

    state: RunState
    intent: Intent
    controls: tuple[ControlState, ControlState]
    registry: Registry
    now: int

    @property
    def declared(self) -> JsonObject:
        """The parameters that were declared by somebody other than the agent."""
        return self.intent.declared(self.state.declared_by)

    @property
    def template(self) -> Template | None:
        """The run's template as it is registered now."""
        return self.registry.organisation.templates.get(self.state.template)


@dataclass(frozen=True, slots=True)
class CallSituation:
    """A call that core does not refuse, with its facts."""

    tool: Tool
    principal: Principal
    effective: Effective
    step: StepFacts | None
    grant: GrantFacts
    holds: tuple[HoldFacts, ...]
    limits: tuple[LimitFacts, ...]


def examine(
    situation: Situation, call: ToolCall, principal: Principal | None
) -> CallSituation | tuple[Finding, ...]:
    """The facts of a call, or core's own reasons to deny it."""
    refusals = list(standing(situation, principal))
    tool = situation.registry.organisation.tools.get(call.tool)
    if tool is None:
        refusals.append(_core("TOOL_UNKNOWN", call.tool, "tool"))
    else:
        refusals.extend(_killed(situation.controls, (("tool", tool.name), ("server", tool.server))))
    if refusals or tool is None or principal is None:
        return tuple(refusals)
    try:
        effective = situation.registry.schemas[tool.name].effective(call.arguments)
        return _facts(situation, call, tool, principal, effective)
    except FieldError as error:
        return (_core("ARGUMENTS_INVALID", _subject(error.field), "arguments"),)


def standing(situation: Situation, principal: Principal | None) -> Iterable[Finding]:
    """Core's reasons why this run and principal may do nothing at all."""
    state = situation.state
    if state.status == "suspended":
        yield _core("RUN_SUSPENDED", state.run, "run")
    if situation.now >= state.expires_at:
        yield _core("RUN_EXPIRED", state.run, "run")
    if principal is None:
        yield _core("PRINCIPAL_UNKNOWN", state.run, "principal")
        return
    agents = [("agent", agent) for agent in (principal.agent, *principal.chain)]
    yield from _killed(situation.controls, (*agents, ("tenant", state.tenant), ("all", "all")))


def _killed(controls: Iterable[ControlState], scopes: Iterable[tuple[str, str]]) -> Iterable[Finding]:
    stopped = {
        (kill.scope.kind, kill.scope.id) for control in controls for kill in control.kills if kill.standing
    }
    for kind, name in scopes:
        if (kind, name) in stopped:
            yield _core("KILLED", f"{kind}:{name}", "control")


def killed_since(
    controls: Iterable[ControlState], judged: Control, scopes: Collection[tuple[str, str]]
) -> bool:
    """Whether a kill of one of ``scopes``, lifted or not, came after a token was judged."""
    judged_at = {judged.tenant: judged.seq, GLOBAL_TENANT: judged.all}
    return any(
        kill.sequence > judged_at.get(control.tenant, 0)
        for control in controls
        for kill in control.kills
        if (kill.scope.kind, kill.scope.id) in scopes
    )


def _facts(
    situation: Situation, call: ToolCall, tool: Tool, principal: Principal, effective: Effective
) -> CallSituation:
    state, parameters = situation.state, situation.declared
    arguments = effective.arguments
    template = situation.template
    step = admitting_step(state, principal, tool.name, arguments, parameters, call.step)
    limits = _limits(state, template, tool, step, arguments)
    return CallSituation(
        tool=tool,
        principal=principal,
        effective=effective,
        step=step,
        grant=_grant(template, tool, arguments, parameters),
        holds=_holds(template, tool, arguments, parameters),
        limits=limits,
    )


def _grant(
    template: Template | None, tool: Tool, arguments: JsonObject, parameters: JsonObject
) -> GrantFacts:
    grant = template.grant(tool.name) if template else None
    if grant is None:
        return GrantFacts(granted=False, violations=())
    return GrantFacts(granted=True, violations=violations(grant.constraints, arguments, parameters))


def _holds(
    template: Template | None, tool: Tool, arguments: JsonObject, parameters: JsonObject
) -> tuple[HoldFacts, ...]:
    """The rules that hold this call: all of its tool's but those that are surely about other calls."""
    rules = template.holds if template else ()
    return tuple(
        HoldFacts(id=rule.id, answerer=rule.answerer)
        for rule in rules
        if rule.tool == tool.name and not surely_not(rule.when, arguments, parameters)
    )


# --- limits ---------------------------------------------------------------------------------------


def _limits(
    state: RunState, template: Template | None, tool: Tool, step: StepFacts | None, arguments: JsonObject
) -> tuple[LimitFacts, ...]:
    """Every limit that this call would spend, with what is used and reserved so far."""
    found: list[LimitFacts] = []
    for limit in template.limits if template else ():
        if not limit.tools or tool.name in limit.tools:
            amount = 1 if limit.sum is None else _amount(arguments, limit.sum)
            found.append(_limit(state, f"run:{limit.id}", amount, limit.max, limit.unit))
    grant = template.grant(tool.name) if template else None
    if grant is not None and grant.max_calls is not None:
        found.append(_limit(state, f"tool:{tool.name}", 1, grant.max_calls, "calls"))
    planned = _planned(state.plan, step)
    if planned is not None:
        found.append(_limit(state, f"step:{planned[0]}", 1, planned[1], "calls"))
    return tuple(found)


def _planned(plan: Plan, step: StepFacts | None) -> tuple[str, int] | None:
    planned = plan.step(step.id) if step else None
    return (planned.id, planned.max_calls) if planned and planned.max_calls is not None else None


def _amount(arguments: JsonObject, pointer: Pointer) -> int:
    value = resolve(arguments, pointer)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise FieldError(pointer, "must be a non-negative integer, because a limit adds it up")


def _limit(state: RunState, key: str, amount: int, most: int, unit: str) -> LimitFacts:
    return LimitFacts(
        id=key,
        window="run",
        used=state.used.get(key, 0),
        in_flight=state.in_flight.get(key, 0),
        amount=amount,
        max=most,
        unit=unit,
    )


def _subject(pointer: str) -> str:
    """``pointer`` as a finding can carry it: the names in it are whatever the caller made up."""
    return pointer.encode("utf-8", "replace").decode()[:MAX_SUBJECT_CHARS]


def _core(code: str, subject: str, check: str) -> Finding:
    return Finding(code=code, subject=subject, rule=f"core/{check}")
