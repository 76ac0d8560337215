"""Tools over HTTP: sends a judged call once, and says exactly what became of it.

It must never send a call twice, follow a redirect, use a proxy, keep a cookie, or report as *not sent*
a call of which a single byte may have left.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver

from remit.errors import NoAnswerError, NotSentError, UpstreamError
from remit.model.tool import HttpBinding
from remit.ports import UpstreamAnswer, UpstreamCall
from remit.upstream.addresses import PublicResolver, public_socket
from remit.upstream.credentials import credential_header
from remit.upstream.request import HttpRequest, build

MAX_CONNECTIONS: Final = 256
"""Connections to all tools together; further calls wait for one within their own deadline."""
MAX_CONNECTIONS_PER_HOST: Final = 64
KEEPALIVE_S: Final = 1.5
"""How long an idle connection is kept. Shorter than the 2 s after which the most impatient of the
common servers closes its end: a call that meets such a close has an unknown outcome."""
MAX_HEADER_BYTES: Final = 8_190
"""Of one line or field of a tool's answer."""

_FAILURES: Final = (aiohttp.ClientError, OSError, RuntimeError)
"""How a broken connection shows; uvloop raises ``RuntimeError`` where asyncio raises ``OSError``."""


@dataclass(slots=True)
class _Attempt:
    """One call's way out. ``sent`` turns true just before the first byte is handed to the socket."""

    tool: str
    still: Callable[[], None]
    sent: bool = False

    def failure(self, why: str) -> UpstreamError:
        if self.sent:
            return NoAnswerError(f"tool {self.tool!r}: the call was sent, but {why}")
        return NotSentError(f"tool {self.tool!r}: {why}")


class _AttemptFailedError(Exception):
    """An attempt's failure in a form that aiohttp does not take for a reason to try again."""


class HttpUpstream:
    """The ``Upstream`` port over HTTP/1.1. Make it inside the running event loop.

    Args:
        resolver: how host names become addresses; the system's way when ``None``.
        tls: trust anchors and client certificates; the system's trust anchors when ``None``.
    """

    def __init__(self, resolver: AbstractResolver | None = None, tls: ssl.SSLContext | None = None) -> None:
        resolver = resolver or aiohttp.ThreadedResolver()
        self._private = _session(_connector(resolver, tls))
        # A pool of its own, so that no connection to a private address can ever be reused here.
        self._public = _session(_connector(resolver, tls, public=True))

    async def send(self, call: UpstreamCall) -> UpstreamAnswer:
        """Send ``call`` and read the whole answer. A redirect is an answer like any other, and not ok."""
        binding = call.tool.http
        if binding is None:
            raise NotSentError(f"tool {call.tool.name!r}: has no HTTP address")
        request = build(call, binding)
        name, value = credential_header(call.tool, call.token)
        headers = {**request.headers, name: value}
        attempt = _Attempt(call.tool.name, call.still)
        # ``from None``: aiohttp's errors hold the request's headers, and so the credential.
        try:
            async with asyncio.timeout(binding.timeout_ms / 1000):
                return await self._exchange(attempt, request, headers, binding)
        except TimeoutError:
            raise attempt.failure(f"no complete answer in {binding.timeout_ms} ms") from None
        except (_AttemptFailedError, *_FAILURES) as error:
            raise attempt.failure(_reason(error)) from None

    async def _exchange(
        self, attempt: _Attempt, request: HttpRequest, headers: dict[str, str], binding: HttpBinding
    ) -> UpstreamAnswer:
        session = self._private if binding.allow_private else self._public
        async with session.request(
            request.method,
            request.url,
            headers=headers,
            data=request.body,
            allow_redirects=False,
            middlewares=(_once,),
            trace_request_ctx=attempt,
        ) as response:
            # Decoding is where a small answer becomes a huge one; we asked for none.
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise attempt.failure("its answer is compressed, though that was not accepted")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > binding.max_response_bytes:
                    raise attempt.failure(f"its answer is longer than {binding.max_response_bytes} bytes")
            content_type = response.headers.get("Content-Type", "application/octet-stream")
            return UpstreamAnswer(200 <= response.status < 300, response.status, content_type, bytes(body))

    async def close(self) -> None:
        await self._public.close()
        await self._private.close()


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Nothing is sent twice; left to itself, aiohttp repeats a GET, PUT or DELETE whose connection broke."""
    try:
        return await handler(request)
    except _FAILURES as error:
        raise _AttemptFailedError(_reason(error)) from None


def _reason(error: Exception) -> str:
    """What went wrong, without anything of the request but its host."""
    match error:
        case _AttemptFailedError():
            return str(error)
        case aiohttp.ClientConnectorError() | aiohttp.ClientConnectorCertificateError():
            return f"cannot connect: {error}"
        case _:
            return f"the connection failed ({type(error).__name__})"


async def _mark_sent(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    context.trace_request_ctx.still()
    context.trace_request_ctx.sent = True


def _connector(
    resolver: AbstractResolver, tls: ssl.SSLContext | None, *, public: bool = False
) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(
        resolver=PublicResolver(resolver) if public else resolver,
        socket_factory=public_socket if public else None,
        ssl=tls or True,
        limit=MAX_CONNECTIONS,
        limit_per_host=MAX_CONNECTIONS_PER_HOST,
        keepalive_timeout=KEEPALIVE_S,
    )


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    # aiohttp calls this hook with the finished header, before it writes anything: see ``_Attempt``.
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_mark_sent)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(),  # none of its own: ``send`` sets the tool's deadline
        auto_decompress=False,
        trust_env=False,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        trace_configs=[trace],
    )
