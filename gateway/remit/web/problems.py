"""Errors as RFC 9457 problem documents. The one place where an error becomes an HTTP status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from traceback import format_tb
from typing import Any, Final

import structlog
from aiohttp import web

from remit import errors as e
from remit.web.parse import MediaTypeError
from remit.web.render import decision_fields

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PROBLEM: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:remit:problem:"

STATUS: Final[dict[type[e.RemitError], int]] = {
    e.FieldError: 422,
    e.TooLargeError: 413,
    MediaTypeError: 415,
    e.InputError: 400,
    e.WrongPlaneError: 403,
    e.CredentialError: 401,
    e.NotFoundError: 404,
    e.RunClosedError: 410,
    e.StateError: 409,
    e.RefusedError: 403,
    e.OverloadError: 429,
    e.UnavailableError: 503,
    e.UpstreamError: 502,
    e.RemitError: 500,
}
"""By the nearest class above an error."""

_log = structlog.get_logger(__name__)


def status_of(error: e.RemitError) -> int:
    """The HTTP status of an error; a refusal for want of an answer from policy is an outage."""
    if isinstance(error, e.RefusedError) and error.decision.retryable:
        return STATUS[e.UnavailableError]
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost handler: whatever was raised becomes a problem, and nothing of a stack leaks."""
    try:
        return await handler(request)
    except e.RemitError as error:
        return problem(error)
    except web.HTTPException as error:
        return _problem(error.status, "http", HTTPStatus(error.status).phrase, {}, dict(error.headers))
    except Exception as error:  # noqa: BLE001 - the outermost handler: an unknown error is a 500 and nothing more
        # Where it happened, and never its message: that could hold a value of the request.
        _log.error("unexpected error", error=type(error).__name__, frames=format_tb(error.__traceback__))
        return _problem(500, "internal", "an unexpected error; nothing was permitted", {}, {})


def problem(error: e.RemitError) -> web.Response:
    """The problem document of one error."""
    members: dict[str, Any] = {}
    headers: dict[str, str] = {}
    status = status_of(error)
    if isinstance(error, e.FieldError):
        members["field"] = error.field
    if isinstance(error, e.RefusedError):
        members.update(decision_fields(error.decision))
    if isinstance(error, e.OverloadError):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return _problem(status, error.code, str(error), members, headers)


def _problem(
    status: int, code: str, detail: str, members: dict[str, Any], headers: dict[str, str]
) -> web.Response:
    kept = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    document = {
        "type": f"{TYPE_PREFIX}{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    return web.json_response(document, status=status, content_type=PROBLEM, headers=kept)
