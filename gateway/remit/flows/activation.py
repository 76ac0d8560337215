"""What is in force: this process's registry and policy, announced in the control streams.

A process that holds other than what the log says is in force judges nothing (``Runtime.situation``).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from remit.errors import PolicyUnavailableError, UnavailableError
from remit.flows.runtime import Runtime
from remit.flows.swapping import anew
from remit.model.base import JsonObject
from remit.model.control import GLOBAL_TENANT, ControlState
from remit.model.records.control import (
    CatalogueChanged,
    InventoryChanged,
    KeyRotated,
    PolicyActivated,
    TemplateChanged,
)
from remit.model.records.envelope import Body
from remit.ports import KeyUse

KEY_USES: Final[tuple[KeyUse, ...]] = ("access", "events", "checkpoints")
KEYS_EVERY_S: Final = 5.0
"""How often new signing keys are looked for, seconds."""


async def announce(runtime: Runtime) -> None:
    """Put this process's registry and policy in force in every tenant, where they are not already."""
    engine, held = runtime.deps.policy.reference(), runtime.held()
    if engine.policy_digest is None or engine.name == "none":
        raise PolicyUnavailableError("no policy has been activated")
    policy = PolicyActivated(digest=held["policy"], revision=engine.revision, engine=engine.name)
    wanted: dict[str, CatalogueChanged | TemplateChanged | InventoryChanged | PolicyActivated] = {
        "catalogue": CatalogueChanged(digest=held["catalogue"]),
        "template": TemplateChanged(digest=held["template"]),
        "inventory": InventoryChanged(digest=held["inventory"]),
        "policy": policy,
    }

    def differing(state: ControlState) -> list[Body]:
        return [body for part, body in wanted.items() if state.digests.get(part) != body.digest]

    for tenant in runtime.settings.tenants:
        await append_control(runtime, tenant, differing)


async def announce_keys(runtime: Runtime) -> None:
    """Record every published signing key that the log does not know yet."""
    published = {str(key["kid"]): use for use in KEY_USES for key in _keys(runtime, use)}

    def unknown(state: ControlState) -> list[Body]:
        return [KeyRotated(use=use, kid=kid) for kid, use in published.items() if kid not in state.keys]

    await append_control(runtime, GLOBAL_TENANT, unknown)


async def watch_keys(runtime: Runtime) -> None:
    """Announce keys as they appear, until cancelled: another process may rotate them."""
    while True:
        await asyncio.sleep(KEYS_EVERY_S)
        with contextlib.suppress(UnavailableError):
            await announce_keys(runtime)


def _keys(runtime: Runtime, use: KeyUse) -> list[JsonObject]:
    keys = runtime.deps.signer.jwks(use)["keys"]
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


async def append_control(
    runtime: Runtime, tenant: str, bodies: Callable[[ControlState], list[Body]]
) -> ControlState:
    """Append to a control stream what ``bodies`` makes of its state; nothing when it makes nothing."""

    async def attempt() -> ControlState:
        states = await runtime.controls.of(tenant)
        state = next(one for one in states if one.tenant == tenant)
        wanted = bodies(state)
        return await runtime.controls.append(tenant, wanted) if wanted else state

    return await anew(runtime, attempt, attempts=runtime.settings.brake_attempts)
