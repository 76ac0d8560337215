"""The agent plane: runs, calls, amendments. Bearers are openers, or principals with a run token."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from opentelemetry.propagate import inject
from pydantic import Field, ValidationError

from remit.errors import WrongPlaneError
from remit.flows import calls, opening, runs, settle
from remit.flows.amendments import Amended, AmendRequest, Requester, amend
from remit.flows.credentials import agent_plane
from remit.flows.opening import OpenRequest
from remit.flows.queries import left
from remit.model.base import CallId, JsonObject, Model, Name, StepId
from remit.model.call import ToolCall
from remit.model.principal import Caller
from remit.model.records.run import Outcome
from remit.model.run import RunState
from remit.model.token import RunClaims
from remit.web import answers, parse, render
from remit.web.routes import Route, runtime_of, tokens_of

OPENER = "the opener's token of a configured issuer"
RUN_TOKEN = "a run token of this run"  # noqa: S105 - words for the document
EITHER = "a run token of this run, or the opener's token"


class CallBody(Model):
    """A tool call. ``step`` claims a step of the plan; without it the gateway finds one."""

    tool: Name
    arguments: JsonObject
    step: StepId | None = None


class NarrowBody(Model):
    """The steps that a sub-agent may work on, and its own token if it is another workload."""

    steps: Annotated[tuple[StepId, ...], Field(min_length=1, max_length=128)]
    actor_token: str | None = None


class ReportBody(Model):
    """What became of a call that ran elsewhere."""

    outcome: Outcome
    result: JsonObject = Field(default_factory=dict)


class CloseBody(Model):
    """Why the run ends."""

    reason: Annotated[str, Field(max_length=1024)] = ""


class _CallIdBody(Model):
    call_id: CallId


async def open_run(request: web.Request) -> web.Response:
    """Open a run."""
    holder = await _holder(request)
    if not isinstance(holder, Caller):
        raise WrongPlaneError("a run token opens no runs; use the opener's credential")
    opened = await opening.open_run(runtime_of(request), holder, await parse.body(request, OpenRequest))
    answer = answers.OpenedAnswer(
        run=opened.state.run,
        token=opened.token,
        expires_at=opened.expires_at,
        plan=opened.state.plan,
        revision=opened.state.revision,
        decision_id=opened.decision.id,
    )
    return _json(answer, 201)


async def get_run(request: web.Request) -> web.Response:
    """A run and what is left of its limits."""
    runtime = runtime_of(request)
    tree = await runs.visible(runtime, await _holder(request), _run(request))
    state = tree.state
    answer = {
        **state.model_dump(
            mode="json",
            include={"run", "status", "template", "revision", "plan", "opened_at", "expires_at"},
        ),
        "limits": left(runtime, state),
        "approvals": [render.approval(held) for held in state.approvals.values()],
    }
    return web.json_response(answer, dumps=render.dump)


async def renew_token(request: web.Request) -> web.Response:
    """A fresh run token."""
    holder = await _holder(request)
    if not isinstance(holder, Caller):
        raise WrongPlaneError("only the opener's credential renews a run token")
    token, expires_at = await runs.renew(runtime_of(request), holder, _run(request))
    return _json(answers.TokenAnswer(token=token, expires_at=expires_at))


async def add_principal(request: web.Request) -> web.Response:
    """Narrow a principal for a sub-agent."""
    claims = await _principal(request)
    runtime = runtime_of(request)
    body = await parse.body(request, NarrowBody)
    proved = body.actor_token and await runtime.deps.identity.authenticate(body.actor_token, "agent")
    added, token, expires_at = await runs.narrow(runtime, claims, body.steps, proved or None)
    answer = answers.PrincipalAnswer(
        principal=added.id, steps=added.steps or (), token=token, expires_at=expires_at
    )
    return _json(answer, 201)


async def amend_plan(request: web.Request) -> web.Response:
    """Change the plan; 202 when a human has to answer first."""
    runtime, run = runtime_of(request), _run(request)
    holder = await _whole_run(request)
    tree = await runs.visible(runtime, holder, run)
    body = await parse.body(request, AmendRequest)
    done = await amend(runtime, run, _requester(tree.state, holder), body)
    if not isinstance(done, Amended):
        held = {
            **render.decision_fields(done.decision),
            "approval": render.approval(done.approval),
            "message": render.held_message(done.decision, done.approval),
        }
        return web.json_response(held, status=202, dumps=render.dump)
    answer = answers.AmendedAnswer(
        decision_id=done.decision.id,
        revision=done.revision,
        steps=done.diff,
        revoked=done.revoked,
        voided=done.voided,
        verifiers=done.verifiers,
    )
    return _json(answer)


async def put_call(request: web.Request) -> web.Response:
    """Make a tool call; 200 whatever the decision."""
    claims = await _principal(request)
    call_id = _call_id(request)
    mode = parse.choice(request, "mode", ("execute", "authorize"), "execute")
    body = await parse.body(request, CallBody)
    call = ToolCall(
        call_id=call_id,
        tool=body.tool,
        arguments=body.arguments,
        step=body.step,
        mode="authorize" if mode == "authorize" else "execute",
    )
    runtime = runtime_of(request)
    made = await calls.make_call(
        runtime,
        claims,
        call,
        wait_s=parse.prefer_wait_s(request, runtime.settings.max_wait_s),
        traceparent=_onward_trace(),
    )
    return web.json_response(render.made(made), dumps=render.dump, headers={"Cache-Control": "no-store"})


async def report_outcome(request: web.Request) -> web.Response:
    """Report how an authorize-mode call came out."""
    claims = await _principal(request)
    call_id = _call_id(request)
    body = await parse.body(request, ReportBody)
    await settle.report(runtime_of(request), claims, call_id, body.outcome, body.result)
    return _json(answers.ReportAnswer())


async def close_run(request: web.Request) -> web.Response:
    """End a run and everything under it."""
    runtime, run = runtime_of(request), _run(request)
    holder = await _whole_run(request)
    await runs.visible(runtime, holder, run)
    body = await parse.body(request, CloseBody) if request.can_read_body else CloseBody()
    cause: Literal["agent", "opener"] = "agent" if isinstance(holder, RunClaims) else "opener"
    by = holder.client_id if isinstance(holder, RunClaims) else holder.subject
    state, verifiers = await runs.close(runtime, run, cause=cause, by=by, reason=body.reason)
    return _json(answers.ClosedAnswer(run=run, status=state.status, verifiers=verifiers))


ROUTES = (
    Route(
        "POST",
        "/v1/runs",
        open_run,
        OPENER,
        body=OpenRequest,
        answer=answers.OpenedAnswer,
        status=201,
    ),
    Route(
        "GET",
        "/v1/runs/{run}",
        get_run,
        EITHER,
        answer=answers.RunAnswer,
        problems=(404,),
    ),
    Route(
        "POST",
        "/v1/runs/{run}/token",
        renew_token,
        OPENER,
        answer=answers.TokenAnswer,
        problems=(404, 410),
    ),
    Route(
        "POST",
        "/v1/runs/{run}/principals",
        add_principal,
        RUN_TOKEN,
        body=NarrowBody,
        answer=answers.PrincipalAnswer,
        status=201,
        problems=(404, 410),
    ),
    Route(
        "POST",
        "/v1/runs/{run}/amendments",
        amend_plan,
        EITHER,
        body=AmendRequest,
        answer=answers.AmendedAnswer,
        also={202: answers.HeldAnswer},
        problems=(404, 409, 410),
    ),
    Route(
        "PUT",
        "/v1/runs/{run}/calls/{call_id}",
        put_call,
        RUN_TOKEN,
        body=CallBody,
        answer=answers.CallAnswer,
        problems=(404, 409, 410),
        query={"mode": "execute (default): the gateway calls the tool; authorize: a token is given"},
    ),
    Route(
        "POST",
        "/v1/runs/{run}/calls/{call_id}/outcome",
        report_outcome,
        RUN_TOKEN,
        body=ReportBody,
        answer=answers.ReportAnswer,
        problems=(404, 409),
    ),
    Route(
        "POST",
        "/v1/runs/{run}/close",
        close_run,
        EITHER,
        body=CloseBody,
        answer=answers.ClosedAnswer,
        problems=(404,),
    ),
)


async def _holder(request: web.Request) -> RunClaims | Caller:
    return await agent_plane(runtime_of(request), tokens_of(request), parse.bearer(request))


async def _principal(request: web.Request) -> RunClaims:
    holder = await _holder(request)
    if not isinstance(holder, RunClaims):
        raise WrongPlaneError("needs a run token")
    if holder.sid != _run(request):
        raise WrongPlaneError("the run token is for another run")
    return holder


async def _whole_run(request: web.Request) -> RunClaims | Caller:
    return runs.whole_run(await _holder(request))


def _onward_trace() -> str | None:
    """The trace context for what this request causes: its span's, or its caller's where none is made."""
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")


def _requester(state: RunState, holder: RunClaims | Caller) -> Requester:
    if isinstance(holder, RunClaims):
        return Requester(holder.client_id, "agent")
    return Requester(holder.subject, state.opener.kind)


def _run(request: web.Request) -> str:
    return request.match_info["run"]


def _call_id(request: web.Request) -> str:
    try:
        return _CallIdBody.model_validate({"call_id": request.match_info["call_id"]}).call_id
    except ValidationError as error:
        raise parse.field_error(error) from error


def _json(answer: Model, status: int = 200) -> web.Response:
    text = answer.model_dump_json(by_alias=True)
    return web.Response(
        text=text, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
