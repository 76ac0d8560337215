"""A policy engine that can be taken down and brought back, around a real one.

It adds failures and nothing else: every verdict is the real engine's.
"""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from remit.errors import PolicyUnavailableError
from remit.model.decision import EngineRef, Verdict
from remit.model.question import QuestionDocument
from remit.ports import Activation, PolicyEngine

EngineState = Literal["down", "up", "stall"]
STALL_S: Final = 0.25
"""After so long a stalled engine's deadline has passed, real seconds (the gateway's own deadline)."""


class SwitchedEngine:
    """``PolicyEngine`` with a switch.

    Attributes:
        state: whether it answers now.
        lost: how many answers the real engine failed to give. Then what was observed says nothing
            about the policy.
    """

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine
        self.state: EngineState = "up"
        self.lost = 0

    async def activate(self, activation: Activation) -> None:
        await self._engine.activate(activation)

    async def decide(self, document: QuestionDocument) -> Verdict:
        if self.state == "stall":
            await asyncio.sleep(STALL_S)
        if self.state != "up":
            raise PolicyUnavailableError(f"the scenario has the engine {self.state}")
        try:
            return await self._engine.decide(document)
        except PolicyUnavailableError:
            self.lost += 1
            raise

    def reference(self) -> EngineRef:
        return self._engine.reference()

    async def healthy(self) -> bool:
        return self.state == "up" and await self._engine.healthy()

    async def close(self) -> None:
        """The real engine belongs to whoever made it."""
