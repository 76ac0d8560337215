"""One OPA server as we use it: decisions on our own session, management through opa-python-client.

Paths are constants, never built from a question (CVE-2025-46569). It must never follow a redirect,
retry a decision, or say what it was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from opa_client.errors import ConnectionsError, DeletePolicyError, RegoParseError
from opa_client.opa_async import AsyncOpaClient
from pydantic import ValidationError

from remit.core.canonical import read_object
from remit.errors import ConfigError, FieldError, PolicyUnavailableError
from remit.model.decision import Question, Verdict
from remit.policy.answer import MAX_ANSWER_BYTES, accept, enveloped_verdict, question_bytes, warm_up
from remit.policy.bundle import QUESTIONS
from remit.ports import Activation

MINIMUM_VERSION: Final = (1, 21, 3)
"""Before it, a bundle's signature check could be side-stepped (GHSA-g2pf-6v5v-qcc8)."""
MAX_CONNECTIONS: Final = 16
CONNECT_TIMEOUT_S: Final = 0.2
MANAGEMENT_TIMEOUT_S: Final = 10.0
READY_INTERVAL_S: Final = 0.02

_PATHS: Final[dict[Question, str]] = {
    "run": "/v1/data/remit/run/decision?strict-builtin-errors=true",
    "plan": "/v1/data/remit/plan/decision?strict-builtin-errors=true",
    "call": "/v1/data/remit/call/decision?strict-builtin-errors=true",
}
_DATA: Final = "remit"


@dataclass(frozen=True, slots=True)
class Address:
    """Where an OPA listens: ``http(s)://host:port``, or a Unix socket's path.

    Attributes:
        token: the bearer token that it asks for.
    """

    url: str = "http://localhost:8181"
    socket: str | None = None
    token: str | None = None

    def connector(self) -> aiohttp.BaseConnector:
        """A fresh connector to it."""
        if self.socket is not None:
            return aiohttp.UnixConnector(self.socket, limit=MAX_CONNECTIONS)
        return aiohttp.TCPConnector(limit=MAX_CONNECTIONS)


class ManagementClient(AsyncOpaClient):  # type: ignore[misc]  # the library is not typed
    """``AsyncOpaClient`` without retries or rewriting, and over a Unix socket where there is one."""

    def __init__(self, address: Address) -> None:
        parts = urlsplit(address.url)
        https = parts.scheme == "https"
        super().__init__(
            host=parts.hostname or "localhost",
            port=parts.port or (443 if https else 80),
            ssl=https,
            token=address.token,
            retries=0,
            timeout=MANAGEMENT_TIMEOUT_S,
        )
        self._address = address

    async def _init_session(self) -> None:
        if self._address.socket is None:
            await super()._init_session()
            return
        self._connector = self._address.connector()
        self._session = aiohttp.ClientSession(
            headers=self.headers,
            connector=self._connector,
            timeout=aiohttp.ClientTimeout(total=self.timeout),
        )


class OpaApi:
    """A connection to one OPA."""

    def __init__(self, address: Address) -> None:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if address.token is not None:
            headers["Authorization"] = f"Bearer {address.token}"
        self._address = address
        # Waiting for a turn is ours to do: waiters inside a connector are cancelled when it closes.
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        self._session = aiohttp.ClientSession(
            base_url=address.url,
            connector=address.connector(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def decide(self, question: Question, document: bytes, activation: Activation) -> Verdict:
        """The verdict on one question. Bounded in size, not in time: the caller has the deadline.

        Raises:
            PolicyUnavailableError: no answer, or one that does not count.
        """
        try:
            return accept(
                enveloped_verdict(await self._ask(_PATHS[question], document)), activation, question
            )
        except ValidationError:
            raise PolicyUnavailableError("OPA's answer is not of the agreed shape") from None

    async def check(self, activation: Activation) -> None:
        """Prove that this OPA is new enough and answers every question from ``activation``.

        Raises:
            ConfigError: it does not.
        """
        question: Question = QUESTIONS[0]
        try:
            async with asyncio.timeout(MANAGEMENT_TIMEOUT_S):
                await self._check_version()
                for question in QUESTIONS:
                    await self.decide(question, question_bytes(warm_up(question)), activation)
        except (PolicyUnavailableError, TimeoutError) as error:
            raise ConfigError(f"OPA on {question}", str(error) or "does not answer in time") from error

    async def update_data(self, activation: Activation) -> None:
        """Put other data under the same modules, in one step.

        Raises:
            ConfigError: it cannot.
        """
        with _complaints():
            async with ManagementClient(self._address) as client:
                await client.update_or_create_data(activation.data, _DATA)

    async def upload(self, activation: Activation) -> None:
        """Put modules and data in the place of whatever this OPA holds.

        Its data goes first and comes back last, so that it answers nothing while it is changed.

        Raises:
            ConfigError: OPA refused a module; names file and line.
        """
        with _complaints():
            async with ManagementClient(self._address) as client:

                async def put(path: str) -> None:
                    await client.update_policy_from_string(activation.modules[path], path, rego_compat=False)

                await client.update_or_create_data({}, _DATA)
                await _each(await client.get_policies_list(), client.delete_policy)
                await _each(sorted(activation.modules, key=_libraries_first), put)
                await client.update_or_create_data(activation.data, _DATA)

    async def wait_until_ready(self, timeout_s: float) -> None:
        """Wait until its health check passes.

        Raises:
            ConfigError: it does not within ``timeout_s``.
        """
        try:
            async with ManagementClient(self._address) as client:
                await client.wait_for_ready(timeout=timeout_s, interval=READY_INTERVAL_S)
        except ConnectionsError as error:
            raise ConfigError("OPA", f"did not become healthy within {timeout_s:g} s") from error

    async def healthy(self) -> bool:
        """Whether its health check passes, plugins and bundles included."""
        async with ManagementClient(self._address) as client:
            return bool(await client.check_health(query={"bundles": "true", "plugins": "true"}))

    async def drained(self) -> None:
        """Returns when every question that waited or was in progress is done; takes every turn."""
        for _ in range(MAX_CONNECTIONS):
            await self._turns.acquire()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _ask(self, path: str, document: bytes) -> bytes:
        try:
            async with self._turns:
                return await self._post(path, b'{"input":' + document + b"}")
        except (aiohttp.ClientError, OSError) as error:
            raise PolicyUnavailableError(f"OPA cannot be asked: {type(error).__name__}") from None

    async def _post(self, path: str, body: bytes) -> bytes:
        if self._session.closed:
            raise PolicyUnavailableError("this OPA is no longer in service")
        async with self._session.post(path, data=body, allow_redirects=False) as response:
            if response.status != 200:
                raise PolicyUnavailableError(f"OPA answered with status {response.status}")
            return await _bounded(response.content)

    async def _check_version(self) -> None:
        document = question_bytes(warm_up("run"))
        raw = await self._ask(f"{_PATHS['run']}&provenance=true", document)
        version = _version(raw)
        if version < MINIMUM_VERSION:
            found, least = (".".join(map(str, v)) or "unknown" for v in (version, MINIMUM_VERSION))
            raise ConfigError("OPA", f"is version {found}; at least {least} is needed")


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise PolicyUnavailableError(f"OPA's answer is longer than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


def _version(raw: bytes) -> tuple[int, ...]:
    """The version in an answer's provenance; empty, and so too old, when it cannot be told."""
    try:
        provenance = read_object(raw).get("provenance")
        version = provenance.get("version") if isinstance(provenance, dict) else None
        return tuple(int(part) for part in version.split(".")) if isinstance(version, str) else ()
    except (FieldError, ValueError):
        return ()


async def _each(names: Iterable[str], act: Callable[[str], Awaitable[Any]]) -> None:
    """Do ``act`` to every module, in whatever order their references to each other allow."""
    left = list(names)
    while left:
        refused: dict[str, Exception] = {}
        for name in left:
            try:
                await act(name)
            except (RegoParseError, DeletePolicyError) as error:
                refused[name] = error
        if len(refused) == len(left):
            raise next(iter(refused.values()))
        left = list(refused)


def _libraries_first(path: str) -> tuple[bool, str]:
    return "/lib/" not in path, path


@contextlib.contextmanager
def _complaints() -> Iterator[None]:
    """The management client's errors as ``ConfigError``, with file and line where OPA names them."""
    try:
        yield
    except (RegoParseError, DeletePolicyError) as error:
        raise refused(getattr(error, "errors", ()), str(error.message)) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise ConfigError("OPA", f"cannot be managed: {type(error).__name__}") from error


def refused(errors: Iterable[dict[str, Any]], message: str) -> ConfigError:
    """OPA's first complaint, as file and line."""
    for found in errors:
        place = found.get("location") or {}
        return ConfigError(
            f"{place.get('file', 'policy')}:{place.get('row', 1)}", str(found.get("message", ""))
        )
    return ConfigError("policy", message)
