"""The three requests that a replay makes to a remit gateway, as any agent's host would make them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

ATTEMPTS: Final = 5
"""How often a request is made at most while the gateway says to try again; each is safe to repeat."""
MAX_PAUSE_S: Final = 5.0
BUSY: Final = frozenset({429, 503})


class GatewayError(Exception):
    """The gateway did not do as it promises; names the request and the problem."""


@dataclass(frozen=True)
class Session:
    """An open run and its token."""

    run: str
    token: str


class GatewayClient:
    """Opens runs, puts calls, closes runs.

    Args:
        credential: gives the opener's, from an issuer that the gateway trusts; asked for each run, so
            that it may be renewed meanwhile.

    Attributes:
        repeats: requests that were made again: the gateway was busy, or its denial was retryable
            (nothing was done, and the same may be asked once more).
    """

    def __init__(self, http: aiohttp.ClientSession, url: str, credential: Callable[[], str]) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._credential = credential
        self.repeats = 0

    async def open(self, template: str, task: str, parameters: dict[str, Any]) -> Session:
        body = {"template": template, "parameters": parameters, "task": task}
        status, answer = await self._send("POST", "/v1/runs", self._credential(), body)
        if status != 201:
            raise GatewayError(f"opening a run: {status} {answer.get('detail')}")
        return Session(answer["run"], answer["token"])

    async def call(
        self, session: Session, call_id: str, tool: str, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        """The answer to a call; one that the gateway finds malformed reads as a denial."""
        path = f"/v1/runs/{session.run}/calls/{call_id}?mode=execute"
        body = {"tool": tool, "arguments": arguments}
        status, answer = await self._send("PUT", path, session.token, body)
        if status in {400, 422}:
            return {"decision": "deny", "findings": [{"code": f"HTTP_{status}"}]}
        if status != 200:
            raise GatewayError(f"{call_id} of {session.run}: {status} {answer.get('detail')}")
        return answer

    async def close(self, session: Session) -> None:
        status, answer = await self._send("POST", f"/v1/runs/{session.run}/close", session.token, {})
        if not 200 <= status < 300:
            raise GatewayError(f"closing {session.run}: {status} {answer.get('detail')}")

    async def _send(
        self, method: str, path: str, token: str, body: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"}
        for attempt in range(1, ATTEMPTS + 1):
            async with self._http.request(method, self._url + path, headers=headers, json=body) as response:
                answer = await response.json(content_type=None) or {}
                retryable = answer.get("decision") == "deny" and answer.get("retryable") is True
                if attempt == ATTEMPTS or not (retryable or response.status in BUSY):
                    break
                pause = float(response.headers.get("Retry-After", 1))
            self.repeats += 1
            await asyncio.sleep(min(pause, MAX_PAUSE_S))
        return response.status, answer
