"""The two planes as aiohttp applications: agents on one, people and their tools on the other."""

from __future__ import annotations

import time
from collections.abc import Iterable

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from remit.flows.credentials import RunTokens
from remit.flows.runtime import Runtime
from remit.web import admin, agent, openapi, shared
from remit.web.parse import MAX_BODY_BYTES, traceparent
from remit.web.problems import Handler, problems
from remit.web.routes import RUN_TOKENS, RUNTIME, Route

_log = structlog.get_logger("remit.access")


def agent_app(runtime: Runtime) -> web.Application:
    """The agent plane."""
    routes = (*shared.ROUTES, *shared.VERIFIER_ROUTES, *agent.ROUTES)
    return _app(runtime, "remit: agent plane", routes, runtime.settings.issuer)


def admin_app(runtime: Runtime, metrics: CollectorRegistry) -> web.Application:
    """The admin plane."""

    async def serve_metrics(_: web.Request) -> web.Response:
        """Prometheus metrics."""
        return web.Response(body=generate_latest(metrics), headers={"Content-Type": CONTENT_TYPE_LATEST})

    page = Route("GET", "/metrics", serve_metrics, None)
    routes = (*shared.ROUTES, page, *admin.ROUTES)
    return _app(runtime, "remit: admin plane", routes, runtime.settings.admin_audience)


def _app(runtime: Runtime, title: str, routes: Iterable[Route], server: str) -> web.Application:
    app = web.Application(middlewares=[_access_log, problems], client_max_size=MAX_BODY_BYTES)
    app[RUNTIME] = runtime
    app[RUN_TOKENS] = RunTokens()
    described = openapi.document(title, routes, server)

    async def serve_openapi(_: web.Request) -> web.Response:
        return web.json_response(described)

    app.router.add_get("/openapi.json", serve_openapi)
    for route in routes:
        app.router.add_route(route.method, route.path, route.handler)
    return app


@web.middleware
async def _access_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line per request: never a token, a body or a query."""
    started = time.perf_counter()
    response = await handler(request)
    resource = request.match_info.route.resource
    trace = traceparent(request)
    _log.info(
        "request",
        method=request.method,
        route=resource.canonical if resource else "unknown",
        status=response.status,
        ms=round((time.perf_counter() - started) * 1000, 2),
        run=request.match_info.get("run"),
        trace_id=trace.split("-")[1] if trace else None,
    )
    return response
