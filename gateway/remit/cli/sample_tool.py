"""The sample's four tools. ``remit init`` writes this file as ``tool.py``, to start from and to change.

A handler runs only for a call whose token was verified and used up; this server never asks who calls.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from aiohttp import web

from remit.verify.aiohttp import ARGUMENTS, guarded
from remit.verify.connect import connect
from remit.verify.verifier import Risk

GATEWAY: Final = "http://127.0.0.1:8700"
"""The issuer of call tokens: the agent plane of remit.yaml, exactly as the gateway calls itself."""
RESOURCE: Final = "http://127.0.0.1:8702"
"""The audience of call tokens: ``resource`` of these tools in the catalogue."""
PORT: Final = 8702
CREDENTIAL: Final = "TOOL_VERIFIER_TOKEN"
"""The environment variable with this server's own token: remit keys dev-token my-tool --role verifier."""


async def read_document(request: web.Request) -> web.Response:
    """A document's text."""
    return web.json_response({"text": f"This is {request[ARGUMENTS]['path']}."})


async def get_supplier(request: web.Request) -> web.Response:
    """A supplier's details."""
    return web.json_response({"name": request[ARGUMENTS]["name"], "known": True})


async def create_payment(request: web.Request) -> web.Response:
    """A payment."""
    return web.json_response({"paid_cents": request[ARGUMENTS]["amount_cents"]})


async def send_mail(request: web.Request) -> web.Response:
    """A mail."""
    return web.json_response({"sent_to": request[ARGUMENTS]["to"]})


TOOLS: Final[dict[str, tuple[Risk, Callable[[web.Request], Awaitable[web.Response]]]]] = {
    "documents.read": ("low", read_document),
    "suppliers.get": ("low", get_supplier),
    "payments.create": ("high", create_payment),
    "mail.send": ("medium", send_mail),
}


async def application() -> web.Application:
    """The tools, connected to the gateway for as long as they serve."""
    connection = AsyncExitStack()
    verifier = await connection.enter_async_context(
        connect(
            issuer=GATEWAY,
            audience=RESOURCE,
            credential=lambda: os.environ[CREDENTIAL],
            risks={name: risk for name, (risk, _) in TOOLS.items()},
        )
    )
    app = web.Application()
    for name, (_, handler) in TOOLS.items():
        app.router.add_post(f"/{name}", guarded(verifier, name)(handler))
    app.on_cleanup.append(lambda _: connection.aclose())
    return app


if __name__ == "__main__":
    if not os.environ.get(CREDENTIAL):
        raise SystemExit(f"{CREDENTIAL} must hold a token: remit keys dev-token my-tool --role verifier")
    web.run_app(application(), host="127.0.0.1", port=PORT)
