"""What a scenario has in hand between its steps, and who acts in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from remit.errors import ConfigError
from remit.flows.calls import Made
from remit.flows.queries import left
from remit.flows.runtime import Runtime
from remit.model.base import Subject
from remit.model.principal import Caller, Plane, Role
from remit.model.token import RunClaims
from remit.model.tool import Tool
from remit.replay.actions import Call
from remit.replay.world import World

ADMIN: Final = "admin"
REASON: Final = "as the scenario has it"


@dataclass(slots=True)
class Session:
    """Everything by the names that the scenario uses.

    Attributes:
        openers: who opened a run, by run.
        run_tokens: by the name of the principal.
        calls, call_tokens: by call id; tokens of authorized calls only, as their callers got them.
        call_of: the call of each token id that was issued.
        holds: approval ids, by the call or amendment that is held.
        under_way: calls whose tool has them and has not answered.
    """

    world: World
    openers: dict[str, Caller] = field(default_factory=dict)
    run_tokens: dict[str, str] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    call_tokens: dict[str, str] = field(default_factory=dict)
    call_of: dict[str, str] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=dict)
    under_way: dict[str, asyncio.Task[Made]] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        """The gateway."""
        return self.world.runtime

    async def caller(
        self, subject: Subject, roles: tuple[Role, ...], plane: Plane, *, signed_in: int | None = None
    ) -> Caller:
        """Somebody at a door, authenticated there."""
        credential = self.world.people.credential(subject, roles, plane, signed_in)
        return await self.runtime.deps.identity.authenticate(credential, plane)

    async def admin(self) -> Caller:
        """The administrator."""
        return await self.caller(ADMIN, ("admin",), "admin")

    def roles(self, subject: Subject) -> tuple[Role, ...]:
        """What the inventory lets somebody be who comes to answer a hold."""
        organisation = self.runtime.registry.organisation
        if subject in organisation.agents:
            return ("agent",)
        return ("user", "approver") if subject in organisation.users else ()

    def claims(self, name: str) -> RunClaims:
        """The principal of this name, by its run token.

        Raises:
            ConfigError: the scenario has not named one so.
            TokenInvalidError: the run token has expired.
        """
        if name not in self.run_tokens:
            raise ConfigError("by", f"nobody is called {name}: no open or narrow step has named it so")
        return self.world.tokens.verify(self.runtime, self.run_tokens[name])

    def tool(self, name: str) -> Tool:
        """The tool of this name. Raises ``ConfigError``."""
        tool = self.runtime.registry.organisation.tools.get(name)
        if tool is None:
            raise ConfigError("tool", f"{name} is not in the catalogue")
        return tool

    async def left(self, name: str) -> dict[str, int]:
        """What is left of the limits of this principal's run."""
        tree = await self.runtime.trees.get(self.claims(name).sid)
        rows: list[Any] = left(self.runtime, tree.state)
        return {row["id"]: row["max"] - row["used"] - row["in_flight"] for row in rows}

    async def abandon(self) -> None:
        """Leave the calls that are still under way."""
        for task in self.under_way.values():
            task.cancel()
        await asyncio.gather(*self.under_way.values(), return_exceptions=True)
