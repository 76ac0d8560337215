"""Reading: runs, records, decisions and their reasons, as projections of the log that can be made anew.

Nothing here changes anything, and a caller sees its own tenant's streams only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from remit.core.chain import read
from remit.errors import NotFoundError
from remit.flows.checkpoints import CHECKPOINT_STREAM
from remit.flows.controls import control_stream
from remit.flows.runtime import Runtime
from remit.model.base import Json, JsonObject, RunId
from remit.model.control import GLOBAL_TENANT
from remit.model.decision import Decision, Effect
from remit.model.reasons import REASONS
from remit.model.records.envelope import Entry, Record
from remit.model.records.run import CallDecided, PlanAmended, PlanRefused, RunOpened, RunRefused
from remit.model.run import RunState
from remit.ports import Scan

OPENINGS = (RunOpened.kind, RunRefused.kind)
DECISIONS = (CallDecided.kind, PlanAmended.kind, PlanRefused.kind, *OPENINGS)
MAX_PAGE = 200
"""How many rows one page has at the most."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, newest first, and where the next page begins (``None``: this is the last)."""

    rows: tuple[JsonObject, ...]
    cursor: int | None


async def runs(runtime: Runtime, tenant: str, *, cursor: int = 0, limit: int = 50) -> Page:
    """A tenant's runs, newest first."""
    rows: list[JsonObject] = []
    async for entry in runtime.deps.store.scan(_newest(OPENINGS, cursor)):
        body = read(entry.raw).body
        if not isinstance(body, RunOpened | RunRefused) or body.tenant != tenant:
            continue
        rows.append(await _run_row(runtime, entry, body))
        if len(rows) >= min(limit, MAX_PAGE):
            return Page(tuple(rows), entry.position)
    return Page(tuple(rows), None)


async def _run_row(runtime: Runtime, entry: Entry, body: RunOpened | RunRefused) -> JsonObject:
    try:
        state = (await runtime.trees.get(entry.stream)).state
        status, revision = state.status, state.revision
    except NotFoundError:
        status, revision = "refused", 0
    return {
        "run": entry.stream,
        "status": status,
        "template": body.template,
        "agent": body.principal.agent,
        "user": body.principal.user,
        "opened_by": body.opener.kind,
        "opened_at": entry.time,
        "revision": revision,
    }


async def decisions(
    runtime: Runtime,
    tenant: str,
    *,
    effect: Effect | None = None,
    run: RunId | None = None,
    tool: str | None = None,
    cursor: int = 0,
    limit: int = 50,
) -> Page:
    """A tenant's decisions, newest first."""
    rows: list[JsonObject] = []
    async for entry in runtime.deps.store.scan(_newest(DECISIONS, cursor, run)):
        row = _decision_row(read(entry.raw))
        wanted = (effect in {None, row["decision"]}) and (tool in {None, row["tool"]})
        if not wanted or not await _visible(runtime, tenant, entry.stream):
            continue
        rows.append(row)
        if len(rows) >= min(limit, MAX_PAGE):
            return Page(tuple(rows), entry.position)
    return Page(tuple(rows), None)


async def decision(runtime: Runtime, tenant: str, decision_id: str) -> JsonObject:
    """One decision, whole, with each finding's text and remedy.

    Raises:
        NotFoundError: there is none of this id in the tenant.
    """
    async for entry in runtime.deps.store.scan(Scan(ref=decision_id, kinds=DECISIONS, limit=1)):
        if await _visible(runtime, tenant, entry.stream):
            record = read(entry.raw)
            whole = record.body.model_dump(mode="json")
            return {**_decision_row(record), "reasons": explained(_decision(record)), "record": whole}
    raise NotFoundError("there is no such decision")


async def records(runtime: Runtime, tenant: str, run: RunId) -> AsyncIterator[Entry]:
    """A run's records, as they are stored.

    Raises:
        NotFoundError: there is no such run in the tenant.
    """
    if not await _visible(runtime, tenant, run):
        raise NotFoundError(f"there is no run {run}")
    async for entry in runtime.deps.store.scan(Scan(stream=run)):
        yield entry


async def audit(runtime: Runtime, tenant: str, *, after: int = 0) -> AsyncIterator[JsonObject]:
    """The tenant's records, and those that concern every tenant, as CloudEvents 1.0, from a position on."""
    shared = {control_stream(tenant), control_stream(GLOBAL_TENANT), CHECKPOINT_STREAM}
    async for entry in runtime.deps.store.scan(Scan(after=after)):
        if entry.stream in shared or await _visible(runtime, tenant, entry.stream):
            yield cloud_event(runtime.settings.issuer, entry)


def cloud_event(source: str, entry: Entry) -> JsonObject:
    """One record as a CloudEvent (CloudEvents 1.0.2 section 3)."""
    record = read(entry.raw)
    return {
        "specversion": "1.0",
        "id": f"{entry.stream}/{entry.seq}",
        "source": source,
        "type": f"dev.remit.{entry.kind}.v1",
        "subject": entry.stream,
        "time": entry.time,
        "datacontenttype": "application/json",
        "sequence": str(entry.position).zfill(20),
        "data": record.body.model_dump(mode="json"),
    }


def explained(of: Decision) -> list[Json]:
    """Each finding with its title, and what can be done about it."""
    found: list[Json] = []
    for finding in of.findings:
        reason = REASONS.get(finding.code)
        found.append(
            {
                "code": finding.code,
                "subject": finding.subject,
                "rule": finding.rule,
                "title": reason.title if reason else finding.code,
                "description": reason.description if reason else "",
                "remedy": reason.remedy if reason else "",
            }
        )
    return found


def left(runtime: Runtime, state: RunState) -> list[JsonObject]:
    """What is left of a run's limits."""
    template = runtime.registry.organisation.templates.get(state.template)
    limits = [(f"run:{one.id}", one.max, one.unit) for one in template.limits] if template else []
    grants = [(f"tool:{g.name}", g.max_calls, "calls") for g in template.tools] if template else []
    steps = [(f"step:{step.id}", step.max_calls, "calls") for step in state.plan.steps]
    return [
        {
            "id": key,
            "unit": unit,
            "max": most,
            "used": state.used.get(key, 0),
            "in_flight": state.in_flight.get(key, 0),
        }
        for key, most, unit in [*limits, *grants, *steps]
        if most is not None
    ]


def _decision_row(record: Record) -> JsonObject:
    body = record.body
    made = _decision(record)
    call = body if isinstance(body, CallDecided) else None
    return {
        "decision_id": made.id,
        "time": record.time,
        "run": record.stream,
        "kind": record.body.kind,
        "decision": made.effect,
        "codes": [finding.code for finding in made.findings],
        "call_id": call.call_id if call else None,
        "tool": call.tool if call else None,
        "step": call.step if call else None,
        "revision": call.revision if call else None,
    }


def _decision(record: Record) -> Decision:
    body = record.body
    if isinstance(body, CallDecided | PlanAmended | PlanRefused | RunOpened | RunRefused):
        return body.decision
    raise NotFoundError("there is no such decision")


async def _visible(runtime: Runtime, tenant: str, stream: str) -> bool:
    try:
        return (await runtime.trees.get(stream)).state.tenant == tenant
    except NotFoundError:
        return False


def _newest(kinds: Iterable[str], cursor: int, run: RunId | None = None) -> Scan:
    return Scan(kinds=tuple(kinds), after=cursor, stream=run, newest_first=True)
