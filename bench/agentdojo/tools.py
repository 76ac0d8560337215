"""AgentDojo's tools as HTTP tools: each call needs a token for exactly this tool and these arguments.

Which environment a call acts in is decided by the verified token's run (``sid``) and by nothing that
the caller could choose: not a header, not an argument, not the address.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

from agentdojo.agent_pipeline.tool_execution import tool_result_to_str
from aiohttp import web
from bench.agentdojo.world import World

from remit.net.http import client_session, url_source
from remit.net.jwks import JwksCache
from remit.verify import Verifier
from remit.verify.aiohttp import ARGUMENTS, GRANT, guarded


def tool_name(suite: str, function: str) -> str:
    """The catalogue's name of a suite's function: two suites may each have a ``send_email``."""
    return f"{suite}.{function}"


class ToolServer:
    """Serves the tools of some suites for all runs that were registered.

    Attributes:
        worlds: the environment of each open run, by run id; who opens a run puts it here.
        verified: the ``jti`` of the token that each call came with, by run and call id; a verified
            token names both.
    """

    def __init__(self, verifier: Verifier, suites: Iterable[Any]) -> None:
        self.worlds: dict[str, World] = {}
        self.verified: dict[tuple[str, str], str] = {}
        self.app = web.Application()
        for suite in suites:
            for function in suite.tools:
                name = tool_name(suite.name, function.name)
                self.app.router.add_post(f"/{name}", guarded(verifier, name)(self._handler(function.name)))

    def _handler(self, function: str) -> Any:
        async def handle(request: web.Request) -> web.Response:
            grant, arguments = request[GRANT], request[ARGUMENTS]
            self.verified[grant.run, grant.call] = grant.jti
            world = self.worlds.get(grant.run)
            if world is None:
                return web.json_response({"error": "no environment for this run"}, status=404)
            result, error = world.execute(function, arguments)
            if error is not None:
                return web.json_response({"error": error}, status=422)
            return web.json_response({"result": tool_result_to_str(result)})

        return handle


@contextlib.asynccontextmanager
async def serve(suites: list[Any], *, gateway: str, issuer: str, audience: str) -> AsyncIterator[ToolServer]:
    """A running tool server at ``audience``, its address and resource URI (``http://host:port``).

    It verifies offline, with the keys that ``gateway`` publishes. That leaves revocation to the token's 30
    seconds, so it says that its tools are of low risk; a real tool uses ``remit.verify.connect``.
    """
    names = [tool_name(suite.name, function.name) for suite in suites for function in suite.tools]
    async with client_session() as session:
        source = url_source(session, f"{gateway}/.well-known/jwks.json")
        keys = JwksCache(source, members={"remit_use": "access"})
        verifier = Verifier(issuer=issuer, keys=keys, audience=audience, risks=dict.fromkeys(names, "low"))
        server = ToolServer(verifier, suites)
        runner = web.AppRunner(server.app)
        await runner.setup()
        host, _, port = audience.removeprefix("http://").partition(":")
        await web.TCPSite(runner, host, int(port)).start()
        try:
            yield server
        finally:
            await runner.cleanup()
            await keys.close()
