"""What the flows share inside one process: the ports, the registry, and bounded caches over the log.

Nothing here is authoritative. A cached state that is behind makes an append fail, never succeed.
"""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.canonical import digest
from remit.core.facts import Situation
from remit.core.registry import Registry
from remit.errors import UnavailableError
from remit.flows.checkpoints import Checkpoints, Witness
from remit.flows.controls import Controls
from remit.flows.inflight import InFlight
from remit.flows.settings import FlowSettings
from remit.flows.signals import Followed, Signals
from remit.flows.trees import Tree, Trees
from remit.model.control import ControlState
from remit.ports import Deps


@dataclass(slots=True)
class Runtime:
    """One gateway process, as the flows see it.

    Attributes:
        registry: what the organisation has registered; ``flows/control`` announces and replaces it.
    """

    deps: Deps
    settings: FlowSettings
    registry: Registry
    controls: Controls
    trees: Trees
    signals: Signals
    followed: Followed
    inflight: InFlight
    checkpoints: Checkpoints

    def now(self) -> int:
        """Epoch milliseconds."""
        return self.deps.clock.now_ms()

    def situation(self, tree: Tree, controls: tuple[ControlState, ControlState]) -> Situation:
        """What a judgement of this tree is made under, now.

        Raises:
            UnavailableError: the log says that another catalogue, template set, inventory or policy is
                in force than the one this process holds, or none at all in this tenant.
            RunClosedError: the run's values have been erased.
        """
        in_force = controls[0].digests
        for part, value in self.held().items():
            if in_force.get(part) != value:
                raise UnavailableError(f"this process does not hold the {part} that is in force")
        return Situation(tree.state, tree.judgeable(), controls, self.registry, self.now())

    def held(self) -> dict[str, str]:
        """The digests of what this process judges by, as the control stream names them."""
        organisation, engine = self.registry.organisation, self.deps.policy.reference()
        return {
            "catalogue": organisation.catalogue_digest,
            "template": organisation.templates_digest,
            "inventory": organisation.inventory_digest,
            "policy": digest({"policy": engine.policy_digest, "data": engine.data_digest}),
        }


def make_runtime(deps: Deps, settings: FlowSettings, registry: Registry, witness: Witness) -> Runtime:
    """A runtime over these ports, with empty caches."""
    checkpoints = Checkpoints(
        deps.store, deps.signer, deps.clock, witness, every_records=settings.checkpoint_every_records
    )
    return Runtime(
        deps=deps,
        settings=settings,
        registry=registry,
        controls=Controls(deps.store, deps.clock, checkpoints.committed),
        trees=Trees(
            deps.store,
            deps.clock,
            checkpoints.committed,
            cached=settings.cached_runs,
            queue=settings.queue_per_run,
            snapshot_every=settings.snapshot_every,
        ),
        signals=Signals(
            deps.signer, deps.clock, deps.ids, issuer=settings.issuer, hold_ms=settings.poll_hold_ms
        ),
        followed=Followed(),
        inflight=InFlight(),
        checkpoints=checkpoints,
    )
