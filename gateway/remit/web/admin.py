"""The admin plane: what happened, who is waited for, and the brake. Bearers are people and their tools."""

from __future__ import annotations

from typing import Annotated, Any, cast

from aiohttp import web
from pydantic import Field, model_validator

from remit.errors import FieldError
from remit.flows import approvals, queries, revocations
from remit.flows.approvals import Answer
from remit.flows.credentials import admin_plane
from remit.model.base import Model, Name, RunId, Subject, TokenId
from remit.model.control import Scope
from remit.model.decision import Effect
from remit.model.principal import Caller, Role
from remit.web import answers, parse, render
from remit.web.routes import Route, runtime_of

ADMIN = "an admin's token of a configured issuer"
APPROVER = "the token of a human who signed in recently"
EFFECTS = ("permit", "deny", "hold")
AUDIENCES = ("agent", "business", "engineer", "auditor")


class ScopeBody(Model):
    """What is revoked: exactly one of these. ``all: true`` is everything, of every tenant."""

    token: TokenId | None = None
    run: RunId | None = None
    agent: Subject | None = None
    tool: Name | None = None
    server: Name | None = None
    tenant: Name | None = None
    all: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> ScopeBody:
        if len(self.named()) != 1 or self.all is False:
            raise ValueError("name exactly one of token, run, agent, tool, server, tenant, all: true")
        return self

    def named(self) -> dict[str, Any]:
        """What is named."""
        return self.model_dump(exclude_none=True)

    def scope(self) -> Scope | None:
        """The kill's scope; ``None`` for a token or a run."""
        kind, name = next(iter(self.named().items()))
        if kind in {"token", "run"}:
            return None
        return Scope.model_validate({"kind": kind, "id": "all" if kind == "all" else name})


class RevocationBody(Model):
    """A revocation and why."""

    scope: ScopeBody
    reason: Annotated[str, Field(min_length=1, max_length=1024)]


async def list_runs(request: web.Request) -> web.Response:
    """Runs, newest first."""
    caller = await _caller(request, "admin")
    page = await queries.runs(runtime_of(request), caller.tenant, **_paging(request))
    return _page(page)


async def run_records(request: web.Request) -> web.StreamResponse:
    """A run's records, as JSON lines."""
    caller = await _caller(request, "admin")
    entries = queries.records(runtime_of(request), caller.tenant, request.match_info["run"])
    rows = [entry.raw async for entry in entries]
    return web.Response(body=b"\n".join(rows) + b"\n", content_type="application/jsonl")


async def list_decisions(request: web.Request) -> web.Response:
    """Decisions, newest first."""
    caller = await _caller(request, "admin")
    page = await queries.decisions(
        runtime_of(request),
        caller.tenant,
        effect=cast("Effect | None", parse.choice(request, "decision", EFFECTS, None)),
        run=request.query.get("run"),
        tool=request.query.get("tool"),
        **_paging(request),
    )
    return _page(page)


async def explain(request: web.Request) -> web.Response:
    """A decision in the words of its reader."""
    caller = await _caller(request, "admin", "approver")
    audience = parse.choice(request, "for", AUDIENCES, "business") or "business"
    row = await queries.decision(runtime_of(request), caller.tenant, request.match_info["decision"])
    return web.json_response(render.explanation(row, audience), dumps=render.dump)


async def list_approvals(request: web.Request) -> web.Response:
    """Holds that wait for a human."""
    caller = await _caller(request, "admin", "approver", "user")
    holds = await approvals.open_holds(runtime_of(request), caller.tenant)
    rows = [
        {
            "run": hold.run,
            "template": hold.template,
            "agent": hold.agent,
            "user": hold.user,
            "subject": hold.approval.subject.model_dump(mode="json"),
            "asked": hold.asked,
            **render.approval(hold.approval),
        }
        for hold in holds
        if _concerns(runtime_of(request), caller, hold)
    ]
    return web.json_response({"approvals": rows}, dumps=render.dump)


async def answer_approval(request: web.Request) -> web.Response:
    """Answer a hold."""
    caller = await _caller(request, "approver", "user")
    given = await parse.body(request, Answer)
    held = await approvals.answer(runtime_of(request), caller, request.match_info["approval"], given)
    return web.json_response(render.approval(held), dumps=render.dump)


async def revoke(request: web.Request) -> web.Response:
    """Revoke a token, end a run, or kill a scope."""
    caller = await _caller(request, "admin")
    body = await parse.body(request, RevocationBody)
    runtime, scope = runtime_of(request), body.scope.scope()
    if scope is not None:
        done = await revocations.kill(runtime, caller, scope, body.reason)
    elif body.scope.run is not None:
        done = await revocations.revoke_run(runtime, caller, body.scope.run, body.reason)
    else:
        done = await revocations.revoke_token(runtime, caller, cast("TokenId", body.scope.token))
    answer = answers.RevokedAnswer(sequence=done.sequence, verifiers=done.verifiers)
    return web.json_response(answer.model_dump(mode="json"), dumps=render.dump)


async def lift(request: web.Request) -> web.Response:
    """Let what was killed work again."""
    caller = await _caller(request, "admin")
    body = await parse.body(request, RevocationBody)
    scope = body.scope.scope()
    if scope is None:
        raise FieldError("scope", "a token or a run that was revoked stays so")
    sequence = await revocations.lift(runtime_of(request), caller, scope, body.reason)
    return web.json_response(answers.RevokedAnswer(sequence=sequence).model_dump(mode="json"))


async def audit(request: web.Request) -> web.StreamResponse:
    """The tenant's records as CloudEvents, as JSON lines."""
    caller = await _caller(request, "admin")
    after = parse.integer(request, "after", 0, 2**53 - 1)
    response = web.StreamResponse(headers={"Content-Type": "application/jsonl"})
    await response.prepare(request)
    async for event in queries.audit(runtime_of(request), caller.tenant, after=after):
        await response.write(render.dump(event).encode() + b"\n")
    await response.write_eof()
    return response


PAGING = {"cursor": "from the page before", "limit": "rows, at most 200"}

ROUTES = (
    Route("GET", "/v1/runs", list_runs, ADMIN, answer=answers.PageAnswer, query=PAGING),
    Route(
        "GET",
        "/v1/runs/{run}/records",
        run_records,
        ADMIN,
        problems=(404,),
    ),
    Route(
        "GET",
        "/v1/decisions",
        list_decisions,
        ADMIN,
        answer=answers.PageAnswer,
        query={**PAGING, "decision": "permit, deny or hold", "run": "a run id", "tool": "a tool's name"},
    ),
    Route(
        "GET",
        "/v1/decisions/{decision}/explanation",
        explain,
        ADMIN,
        problems=(404,),
        query={"for": "agent, business, engineer or auditor"},
    ),
    Route(
        "GET",
        "/v1/approvals",
        list_approvals,
        APPROVER,
        answer=answers.HoldsAnswer,
    ),
    Route(
        "POST",
        "/v1/approvals/{approval}/answer",
        answer_approval,
        APPROVER,
        body=Answer,
        answer=answers.ApprovalAnswer,
        problems=(404,),
    ),
    Route(
        "POST",
        "/v1/revocations",
        revoke,
        ADMIN,
        body=RevocationBody,
        answer=answers.RevokedAnswer,
        problems=(404, 410),
    ),
    Route(
        "POST",
        "/v1/revocations/lift",
        lift,
        ADMIN,
        body=RevocationBody,
        answer=answers.RevokedAnswer,
        problems=(404,),
    ),
    Route(
        "GET",
        "/v1/audit",
        audit,
        ADMIN,
        query={"after": "a position; later records only"},
    ),
)


async def _caller(request: web.Request, *roles: Role) -> Caller:
    return await admin_plane(runtime_of(request), parse.bearer(request), *roles)


def _concerns(runtime: Any, caller: Caller, hold: approvals.OpenHold) -> bool:
    """Whether the hold is for this caller to see: an admin's, or one that they may answer."""
    if "admin" in caller.roles:
        return True
    entry = runtime.registry.organisation.users.get(caller.subject)
    mine = {caller.subject, *(entry.roles if entry else ())}
    return any(answerer.who in mine for answerer in hold.approval.answerers)


def _paging(request: web.Request) -> dict[str, int]:
    return {
        "cursor": parse.integer(request, "cursor", 0, 2**53 - 1),
        "limit": max(1, parse.integer(request, "limit", 50, queries.MAX_PAGE)),
    }


def _page(page: queries.Page) -> web.Response:
    return web.json_response({"rows": list(page.rows), "cursor": page.cursor}, dumps=render.dump)
