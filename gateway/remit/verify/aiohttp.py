"""Guards aiohttp handlers: one decorator per tool.

A guarded handler runs only for a call whose token, arguments and all, has been verified and used up.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from aiohttp import web

from remit.errors import RemitError
from remit.verify.refusals import refusal
from remit.verify.requests import ARGUMENTS_HEADER, Parts, Query, arguments_of, bearer, without_fixed
from remit.verify.token import Grant
from remit.verify.verifier import Verifier

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

GRANT: Final = web.RequestKey("remit.grant", Grant)
"""Where a guarded handler finds the grant: ``request[GRANT]``."""
ARGUMENTS: Final = web.RequestKey("remit.arguments", dict)
"""And the arguments that were verified; they are what it should use."""


def guarded(verifier: Verifier, tool: str, *, fixed_query: Query = ()) -> Callable[[Handler], Handler]:
    """Let a handler run only for verified calls of ``tool``.

    Args:
        verifier: of this resource.
        tool: which tool the handler is. Its route's placeholders have the names of its arguments.
        fixed_query: the query parameters that the tool's configured address always has.

    The body's limit is the application's ``client_max_size``.
    """

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def guard(request: web.Request) -> web.StreamResponse:
            try:
                token = bearer(request.headers.get("Authorization"))
                arguments = arguments_of(await _parts(request, fixed_query))
                grant = await verifier.verify(token, tool, arguments)
            except RemitError as error:
                answer = refusal(error, has_token="Authorization" in request.headers)
                return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
            request[GRANT], request[ARGUMENTS] = grant, arguments
            return await handler(request)

        return guard

    return decorate


async def _parts(request: web.Request, fixed_query: Query) -> Parts:
    return Parts(
        path=dict(request.match_info),
        query=without_fixed(list(request.query.items()), fixed_query),
        body=await request.read(),
        content_type=request.headers.get("Content-Type"),
        header=request.headers.get(ARGUMENTS_HEADER),
    )
