"""Guards any ASGI application (FastAPI, Starlette, Django, Quart): a pure ASGI middleware.

A request that no tool's route matches is refused, unless its path is listed as public. It must
never let a body reach the application that is not the one that was verified.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote

from remit.errors import FieldError, NotFoundError, RemitError, TooLargeError
from remit.verify.refusals import Refusal, refusal
from remit.verify.requests import (
    ARGUMENTS_HEADER,
    MAX_BODY_BYTES,
    Parts,
    Query,
    arguments_of,
    bearer,
    without_fixed,
)
from remit.verify.verifier import Verifier

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

GRANT: Final = "remit.grant"
"""Where the application finds the grant: ``scope["remit.grant"]``."""
ARGUMENTS: Final = "remit.arguments"
"""And the arguments that were verified; they are what it should use."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a tool is called.

    Attributes:
        path: a template such as ``/customers/{id}``; each placeholder fills one whole segment and has
            the name of the argument that goes there. A value that a framework could take for another
            path (empty, dots only, with a slash or a control character) matches nothing.
        fixed_query: the query parameters that the tool's configured address always has.
    """

    tool: str
    path: str
    method: str = "POST"
    fixed_query: Query = ()

    def match(self, method: str, segments: list[str]) -> dict[str, str] | None:
        """The placeholders' values, or ``None`` when the request is not for this route."""
        template = self.path.split("/")
        if method != self.method or len(template) != len(segments):
            return None
        values: dict[str, str] = {}
        for expected, actual in zip(template, segments, strict=True):
            if expected.startswith("{") and expected.endswith("}"):
                if not _one_name(actual):
                    return None
                values[expected[1:-1]] = actual
            elif expected != actual:
                return None
        return values


class RemitMiddleware:
    """Lets only verified calls through to ``app``.

    Args:
        app: the application to guard.
        verifier: of this resource.
        routes: where its tools are; in the order in which the application tries them, for the first
            that matches is the tool that a token is checked for.
        public: exact paths that anybody may ask for, such as ``/healthz``.
    """

    def __init__(
        self, app: App, verifier: Verifier, routes: Iterable[Route], *, public: Iterable[str] = ()
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._routes = tuple(routes)
        self._public = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] in self._public):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._guard(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        authorization = _header(scope, "authorization")
        try:
            route, path = self._route(scope)
            token = bearer(authorization)
            body = await _read(receive)
            query = without_fixed(_query(scope), route.fixed_query)
            arguments = arguments_of(
                Parts(path, query, body, _header(scope, "content-type"), _header(scope, ARGUMENTS_HEADER))
            )
            grant = await self._verifier.verify(token, route.tool, arguments)
        except NotFoundError:
            await _answer(send, Refusal(404, {"Content-Type": "application/problem+json"}, b"{}"))
            return
        except RemitError as error:
            await _answer(send, refusal(error, has_token=authorization is not None))
            return
        verified = {**scope, GRANT: grant, ARGUMENTS: arguments}
        await self._app(verified, _replay(body, receive), send)

    def _route(self, scope: Scope) -> tuple[Route, dict[str, str]]:
        segments = _segments(scope)
        for route in self._routes:
            values = route.match(scope["method"], segments)
            if values is not None:
                return route, values
        raise NotFoundError("no tool here")


def _segments(scope: Scope) -> list[str]:
    """The path's segments, decoded: those of the path that the application routes by, or none at all."""
    decoded: str = scope["path"]
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        return decoded.split("/")  # decoded by the server; doing it twice would be wrong
    try:
        # Split before decoding, so that an encoded slash shows inside its segment.
        segments = [unquote(part, errors="strict") for part in raw.decode("ascii").split("/")]
    except UnicodeDecodeError as error:
        raise FieldError("path", "not UTF-8, percent-encoded") from error
    if "/".join(segments) != decoded:
        raise FieldError("path", "the server gives two different ones")
    return segments


def _one_name(segment: str) -> bool:
    """Whether every framework takes ``segment`` for one segment, of a path that is this one."""
    separates = any(char in "/\\" or unicodedata.category(char) == "Cc" for char in segment)
    return segment not in {"", ".", ".."} and not separates


def _query(scope: Scope) -> list[tuple[str, str]]:
    try:
        return parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise FieldError("query", "not UTF-8, percent-encoded") from error


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise FieldError("body", "the client went away")
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise TooLargeError(f"body: longer than {MAX_BODY_BYTES} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives the verified body once, and after that whatever the server says."""
    waiting = [body]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay


def _header(scope: Scope, name: str) -> str | None:
    """The one header of this name; twice the same header counts as a malformed one."""
    values = [value for key, value in scope["headers"] if key.lower() == name.lower().encode()]
    return b",".join(values).decode("latin-1") if values else None


async def _answer(send: Send, answer: Refusal) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
