"""The two planes as aiohttp applications: agents on one, people and their tools on the other."""

from __future__ import annotations

import time
from collections.abc import Iterable

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from opentelemetry import trace
from opentelemetry.propagate import extract
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from remit.flows.credentials import RunTokens
from remit.flows.runtime import Runtime
from remit.model.principal import Plane
from remit.observe import RequestMetrics
from remit.web import admin, agent, openapi, shared
from remit.web.parse import MAX_BODY_BYTES, traceparent
from remit.web.problems import Handler, problems
from remit.web.routes import RUN_TOKENS, RUNTIME, Route

_log = structlog.get_logger("remit.access")
_tracer = trace.get_tracer("remit")


def agent_app(runtime: Runtime, metrics: RequestMetrics) -> web.Application:
    """The agent plane."""
    routes = (*shared.ROUTES, *shared.VERIFIER_ROUTES, *agent.ROUTES)
    return _app(runtime, metrics, "agent", routes, runtime.settings.issuer)


def admin_app(runtime: Runtime, metrics: RequestMetrics) -> web.Application:
    """The admin plane."""

    async def serve_metrics(_: web.Request) -> web.Response:
        """Prometheus metrics."""
        page = generate_latest(metrics.registry)
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})

    routes = (*shared.ROUTES, Route("GET", "/metrics", serve_metrics, None), *admin.ROUTES)
    return _app(runtime, metrics, "admin", routes, runtime.settings.admin_audience)


def _app(
    runtime: Runtime, metrics: RequestMetrics, plane: Plane, routes: Iterable[Route], server: str
) -> web.Application:
    app = web.Application(middlewares=[_observed(plane, metrics), problems], client_max_size=MAX_BODY_BYTES)
    app[RUNTIME] = runtime
    app[RUN_TOKENS] = RunTokens()
    described = openapi.document(f"remit: {plane} plane", routes, server)

    async def serve_openapi(_: web.Request) -> web.Response:
        return web.json_response(described)

    app.router.add_get("/openapi.json", serve_openapi)
    for route in routes:
        app.router.add_route(route.method, route.path, route.handler)
    return app


def _observed(plane: Plane, metrics: RequestMetrics) -> Middleware:
    """One log line and one count per request: never a token, a body or a query."""

    @web.middleware
    async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        with _tracer.start_as_current_span(f"remit.{plane}", context=extract(request.headers)):
            response = await handler(request)
        seconds = time.perf_counter() - started
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "unknown"
        caller = traceparent(request)
        metrics.answered(plane, route, response.status, seconds)
        _log.info(
            "request",
            plane=plane,
            method=request.method,
            route=route,
            status=response.status,
            ms=round(seconds * 1000, 2),
            run=request.match_info.get("run"),
            trace_id=caller.split("-")[1] if caller else None,
        )
        return response

    return observed
