"""The OPA engine: a server somewhere, or a child process of ours on a Unix socket in a private place.

It must never take anything but a well-formed answer from the policy in force for an answer.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from remit.errors import PolicyUnavailableError
from remit.model.decision import EngineRef, Verdict
from remit.model.question import QuestionDocument
from remit.policy.answer import DEADLINE_S, MAX_OUTSTANDING, question_bytes, warm_up
from remit.policy.opa_api import Address, OpaApi
from remit.policy.opa_child import Children
from remit.policy.opa_server import ManagedServer, Server
from remit.ports import Activation


class Opa(Protocol):
    """An OPA that answers from one activation."""

    activation: Activation
    api: OpaApi


class _Backend(Protocol):
    """Where OPA runs: what differs between a server and a child."""

    async def activate(self, activation: Activation) -> None: ...

    @property
    def current(self) -> Opa | None: ...

    async def close(self) -> None: ...


class OpaEngine:
    """``PolicyEngine`` on a real OPA. Made by ``server`` or ``child``."""

    def __init__(self, backend: _Backend, *, deadline_s: float = DEADLINE_S) -> None:
        self._backend = backend
        self._deadline_s = deadline_s
        self._activation: Activation | None = None
        self._outstanding = 0

    @classmethod
    def server(
        cls, url: str, *, token: str | None = None, manage: bool = False, deadline_s: float = DEADLINE_S
    ) -> OpaEngine:
        """On an OPA server at ``url``.

        Args:
            token: the bearer token that it asks for.
            manage: whether it is ours alone, and gets policy and data from us. Otherwise it has them
                from its own bundles, and must answer with exactly the revision that is activated.
        """
        backend = ManagedServer if manage else Server
        return cls(backend(Address(url=url, token=token)), deadline_s=deadline_s)

    @classmethod
    def child(cls, binary: Path, *, deadline_s: float = DEADLINE_S) -> OpaEngine:
        """On an OPA that is started and supervised here."""
        return cls(Children(binary), deadline_s=deadline_s)

    async def activate(self, activation: Activation) -> None:
        await self._backend.activate(activation)
        self._activation = activation

    async def decide(self, document: QuestionDocument) -> Verdict:
        opa = self._backend.current
        if opa is None:
            raise PolicyUnavailableError("OPA is starting")
        if self._outstanding >= MAX_OUTSTANDING:
            raise PolicyUnavailableError("too many questions are waiting for OPA")
        self._outstanding += 1
        try:
            async with asyncio.timeout(self._deadline_s):
                return await opa.api.decide(document.question, question_bytes(document), opa.activation)
        except TimeoutError:
            raise PolicyUnavailableError("OPA did not answer in time") from None
        finally:
            self._outstanding -= 1

    def reference(self) -> EngineRef:
        active = self._activation
        if active is None:
            return EngineRef(name="opa", revision="none")
        return EngineRef(
            name="opa",
            revision=active.revision,
            policy_digest=active.policy_digest,
            data_digest=active.data_digest,
        )

    async def healthy(self) -> bool:
        try:
            await self.decide(warm_up("run"))
        except PolicyUnavailableError:
            return False
        return True

    async def close(self) -> None:
        await self._backend.close()
