"""A door's routes as data: what the router serves is what the OpenAPI document says, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import BaseModel

from remit.flows.credentials import RunTokens
from remit.flows.runtime import Runtime

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RUNTIME: web.AppKey[Runtime] = web.AppKey("runtime", Runtime)
RUN_TOKENS: web.AppKey[RunTokens] = web.AppKey("run_tokens", RunTokens)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation, described by its handler's docstring.

    Attributes:
        body: the request's model; ``None`` for no body.
        answer: the model of the answer; ``None`` for something other than JSON.
        status: of the answer when all is well.
        also: the models of other good answers, by status.
        problems: the other statuses that it may answer, besides those that every operation may.
        query: query parameters, by name, with what they mean.
        credential: what the bearer token must be, in words; ``None`` for a public operation.
    """

    method: str
    path: str
    handler: Handler
    credential: str | None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    also: dict[int, type[BaseModel]] = field(default_factory=dict)
    problems: tuple[int, ...] = ()
    query: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What it does: the first line of its handler's docstring."""
        return (self.handler.__doc__ or "").partition("\n")[0].rstrip(".")


def runtime_of(request: web.Request) -> Runtime:
    """The runtime behind this door."""
    return request.app[RUNTIME]


def tokens_of(request: web.Request) -> RunTokens:
    """The verified run tokens of this door."""
    return request.app[RUN_TOKENS]
