"""What is in force: this process's registry and policy, announced in the control streams.

A process that holds other than what the log says is in force judges nothing (``Runtime.situation``).
"""

from __future__ import annotations

from collections.abc import Callable

from remit.errors import HeadMovedError, OverloadError, PolicyUnavailableError
from remit.flows.runtime import Runtime
from remit.model.control import ControlState
from remit.model.records.control import CatalogueChanged, InventoryChanged, PolicyActivated, TemplateChanged
from remit.model.records.envelope import Body


async def announce(runtime: Runtime) -> None:
    """Put this process's registry and policy in force in every tenant, where they are not already."""
    organisation = runtime.registry.organisation
    engine = runtime.deps.policy.reference()
    if engine.policy_digest is None or engine.data_digest is None or engine.name == "none":
        raise PolicyUnavailableError("no policy has been activated")
    policy = PolicyActivated(digest=engine.policy_digest, revision=engine.revision, engine=engine.name)
    wanted: dict[str, CatalogueChanged | TemplateChanged | InventoryChanged | PolicyActivated] = {
        "catalogue": CatalogueChanged(digest=organisation.catalogue_digest),
        "template": TemplateChanged(digest=organisation.templates_digest),
        "inventory": InventoryChanged(digest=organisation.inventory_digest),
        "policy": policy,
    }

    def differing(state: ControlState) -> list[Body]:
        return [body for part, body in wanted.items() if state.digests.get(part) != body.digest]

    for tenant in runtime.settings.tenants:
        await append_control(runtime, tenant, differing)


async def append_control(
    runtime: Runtime, tenant: str, bodies: Callable[[ControlState], list[Body]]
) -> ControlState:
    """Append to a control stream what ``bodies`` makes of its state; nothing when it makes nothing."""
    for _ in range(runtime.settings.swap_attempts):
        states = await runtime.controls.of(tenant)
        state = next(one for one in states if one.tenant == tenant)
        wanted = bodies(state)
        if not wanted:
            return state
        try:
            return await runtime.controls.append(tenant, wanted)
        except HeadMovedError:
            runtime.controls.forget()
    raise OverloadError("the control stream changed under every attempt")
