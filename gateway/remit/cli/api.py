"""The admin plane's REST API, for commands: one small client, and how it gets its credential."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from remit.config import RemitConfig
from remit.errors import ConfigError, RemitError, UnavailableError
from remit.model.principal import Role
from remit.net.http import client_session
from remit.wiring.clock import SystemClock
from remit.wiring.identity import dev_issuer

TOKEN_VARIABLE: Final = "REMIT_TOKEN"  # noqa: S105 - a variable's name
DEV_ADMIN: Final = "cli@localhost"


class ApiError(RemitError):
    """The gateway answered with a problem."""

    code = "api"


class Api:
    """Requests to one plane with one bearer token."""

    def __init__(self, session: aiohttp.ClientSession, base: str, token: str) -> None:
        self._session = session
        self._base = base
        self._headers = {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON answer of a GET.

        Raises:
            ApiError: the gateway answered with a problem.
            UnavailableError: it did not answer.
        """
        params = {name: str(value) for name, value in query.items() if value is not None}
        return await self.request("GET", path, params=params)

    async def post(self, path: str, body: Any) -> Any:
        """The JSON answer of a POST; raises as ``get`` does."""
        return await self.request("POST", path, json=body)

    async def request(self, method: str, path: str, **arguments: Any) -> Any:
        """The JSON answer of any request; raises as ``get`` does."""
        try:
            async with self._session.request(
                method, f"{self._base}{path}", headers=self._headers, **arguments
            ) as response:
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            problem = f"no answer from {self._base}: is 'remit serve' running there?"
            raise UnavailableError(problem) from error
        if response.status >= 400:
            detail = answer.get("detail") if isinstance(answer, dict) else None
            raise ApiError(f"{detail or response.reason} (HTTP {response.status})")
        return answer


@asynccontextmanager
async def admin_api(config: RemitConfig, *roles: Role) -> AsyncIterator[Api]:
    """The admin plane, with the token in ``REMIT_TOKEN``, or one of the development issuer.

    Raises:
        ConfigError: there is neither.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token and config.dev_issuer:
        issuer = dev_issuer(config, SystemClock())
        token = issuer.mint(DEV_ADMIN, roles or ("admin",), "admin")
    if not token:
        raise ConfigError(TOKEN_VARIABLE, "must hold a token for the admin plane")
    async with client_session() as session:
        yield Api(session, config.admin.external(), token)
