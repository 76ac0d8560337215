"""The load: closed loops that send the next call when the last was answered, and check every answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
from dataclasses import dataclass
from time import perf_counter, perf_counter_ns
from typing import Any, Final, Protocol

import aiohttp
from bench.figures.organisation import PLAIN, TEMPLATE
from bench.figures.processes import BenchError

TEXT: Final = "The customer asked for a copy of the invoice; sent by post. " * 15
"""Makes a call's arguments about 1 kB."""

_NUMBERS: Final = itertools.count(1)
"""Call ids are unique in a whole bench."""


@dataclass(frozen=True)
class Request:
    """What one call sends."""

    method: str
    url: str
    body: bytes
    headers: dict[str, str]


class Target(Protocol):
    """Something that calls go through."""

    name: str

    async def ready(self, lanes: int) -> None:
        """Make so many clients possible."""

    def request(self, lane: int, marker: str) -> Request:
        """The request for one call."""

    def check(self, answer: Any, marker: str) -> None:
        """Raises ``BenchError`` unless the tool was reached and answered this very call."""


class Plain:
    """The tool itself, or something that merely passes on.

    Args:
        url: where the arguments are posted.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url

    async def ready(self, lanes: int) -> None:
        """Nothing needs to be opened."""

    def request(self, lane: int, marker: str) -> Request:  # noqa: ARG002 - all clients are alike
        body = json.dumps(_arguments(marker)).encode()
        return Request("POST", self._url, body, {"Content-Type": "application/json"})

    def check(self, answer: Any, marker: str) -> None:
        if answer["echo"]["marker"] != marker:
            raise BenchError(f"{self.name}: not the answer to {marker}")


class Remit:
    """A gateway: each client has a run of its own, since the judgements of one run take turns.

    Args:
        url: the agent plane's.
        credentials: the opener's token and the user's.
        tool: which tool is called.
    """

    def __init__(
        self,
        name: str,
        url: str,
        http: aiohttp.ClientSession,
        credentials: tuple[str, str],
        tool: str = PLAIN,
    ) -> None:
        self.name = name
        self._url = url
        self._http = http
        self._opener, self._user = credentials
        self._tool = tool
        self._runs: list[tuple[str, str]] = []

    async def ready(self, lanes: int) -> None:
        while len(self._runs) < lanes:
            self._runs.append(await self._open())

    async def _open(self) -> tuple[str, str]:
        body = {"template": TEMPLATE, "parameters": {}, "task": "File notes", "subject_token": self._user}
        headers = {"Authorization": f"Bearer {self._opener}"}
        async with self._http.post(f"{self._url}/v1/runs", json=body, headers=headers) as response:
            answer = await response.json()
            if response.status != 201:
                raise BenchError(f"{self.name}: the run was not opened: {answer}")
            return answer["run"], answer["token"]

    def request(self, lane: int, marker: str) -> Request:
        run, token = self._runs[lane]
        body = json.dumps({"tool": self._tool, "arguments": _arguments(marker)}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        return Request("PUT", f"{self._url}/v1/runs/{run}/calls/{marker}", body, headers)

    def check(self, answer: Any, marker: str) -> None:
        outcome = answer.get("outcome", {})
        said = (answer["decision"], outcome.get("outcome"), outcome.get("status"), answer.get("repeated"))
        if said != ("permit", "ok", 200, None):
            raise BenchError(f"{self.name}: {marker} came out as {said}: {answer.get('findings')}")
        if json.loads(outcome["body"])["echo"]["marker"] != marker:
            raise BenchError(f"{self.name}: not the answer to {marker}")


@dataclass(frozen=True)
class Sample:
    """What a load saw."""

    latencies_ns: list[int]
    wall_s: float

    @property
    def calls(self) -> int:
        return len(self.latencies_ns)

    def percentile_ms(self, percent: int) -> float:
        """Inclusive: never beyond what was seen."""
        return statistics.quantiles(self.latencies_ns, n=100, method="inclusive")[percent - 1] / 1e6


async def load(http: aiohttp.ClientSession, target: Target, concurrency: int, seconds: float) -> Sample:
    """Call ``target`` from ``concurrency`` clients for so long.

    Raises:
        BenchError: an answer was wrong; there are no figures with errors in them.
    """
    latencies: list[int] = []
    started = perf_counter()

    async def client(lane: int) -> None:
        while perf_counter() - started < seconds:
            latencies.append(await _call(http, target, lane))

    await asyncio.gather(*(client(lane) for lane in range(concurrency)))
    return Sample(latencies, perf_counter() - started)


async def _call(http: aiohttp.ClientSession, target: Target, lane: int) -> int:
    marker = f"call-{next(_NUMBERS)}"
    sent = target.request(lane, marker)
    started = perf_counter_ns()
    async with http.request(sent.method, sent.url, data=sent.body, headers=sent.headers) as response:
        raw = await response.read()
    took = perf_counter_ns() - started
    if response.status != 200:
        raise BenchError(f"{target.name}: {marker} was answered {response.status}: {raw[:500]!r}")
    target.check(json.loads(raw), marker)
    return took


def _arguments(marker: str) -> dict[str, str]:
    return {"path": "notes/2026/acme.txt", "marker": marker, "text": TEXT}
