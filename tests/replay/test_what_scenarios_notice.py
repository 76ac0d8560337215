"""The shipped scenarios fail when a guarantee is taken away: what nothing notices, nothing protects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.core import facts
from remit.core.planning import Ended
from remit.flows import amendments, approvals
from remit.flows.inflight import InFlight
from remit.flows.signals import Signals
from remit.replay import Player
from remit.verify import token
from remit.verify.once import Once
from remit.verify.registers import Registers
from remit.verify.verifier import Verifier

SCENARIOS = Path(__file__).parents[2] / "scenarios"

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def unheard(_signals: Signals, _events: object) -> frozenset[str]:
    return frozenset()


@pytest.mark.parametrize(
    ("where", "name", "instead", "scenario"),
    [
        (Registers, "check", lambda *_: None, "plans/narrowed-while-a-token-is-out"),
        (Registers, "check", lambda *_: None, "brakes/tool-killed-and-lifted"),
        (Signals, "publish", unheard, "runs/ends-with-a-call-in-flight"),
        (Once, "use", lambda *_: None, "calls/call-id-reused"),
        (token, "_check_arguments", lambda *_: None, "tokens/stolen-and-used-elsewhere"),
        (Verifier, "_is_stale", lambda *_: False, "outages/tools-cut-off"),
        (amendments, "ended", lambda *_: Ended((), ()), "plans/narrowed-while-a-token-is-out"),
        (
            amendments,
            "ended",
            lambda state, *_: Ended(tuple(state.calls.values()), ()),
            "plans/narrowed-while-a-token-is-out",
        ),
        (approvals, "may_answer", lambda *_: None, "approvals/approved-by-the-wrong-person"),
        (approvals, "may_answer", lambda *_: None, "plans/widened-and-approved"),
        (InFlight, "cancel", lambda *_: None, "runs/ends-with-a-call-in-flight"),
        (facts, "_killed", lambda *_: (), "brakes/tool-killed-and-lifted"),
        (
            facts.Intent,
            "declared",
            lambda intent, _by: intent.parameters,
            "injection/agent-names-its-own-payee",
        ),
    ],
)
async def test_a_guarantee_taken_away_is_noticed(
    engine: Any, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, instead: Any, scenario: str
) -> None:
    path = SCENARIOS / f"{scenario}.scenario.yaml"
    monkeypatch.setattr(where, name, instead)
    assert (await Player(engine).play_file(path)).status == "failed"
