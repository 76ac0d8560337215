"""Attack: another issuer of the tenant mints a token with the approver's name.

The end state: the hold waits, because a ``sub`` means something to its issuer only.
"""

from __future__ import annotations

import pytest
import remit_test_world as w

from remit.config import load_config
from remit.errors import ConfigError, WrongPlaneError
from remit.flows import approvals
from remit.identity.settings import IssuerConfig
from remit.model.principal import Caller
from remit.wiring.identity import check_people

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_runs_user_is_who_their_issuer_vouched_for(doors) -> None:
    run, token = await doors.open()
    call = {"tool": "payments.create", "arguments": w.LARGE}
    _, held = await doors.ask("PUT", f"/v1/runs/{run}/calls/c1", token, call)
    runtime = doors.world.gate.runtime
    ann_of_a_partner = Caller(
        subject=w.USER,
        issuer="partner",
        roles=("user",),
        tenant="default",
        plane="admin",
        interactive_at=runtime.now() // 1000,
    )
    given = approvals.Answer(answer="approve", reason="that is ours")
    with pytest.raises(WrongPlaneError):
        await approvals.answer(runtime, ann_of_a_partner, held["approval"]["id"], given)


async def test_with_several_issuers_everybody_names_theirs(doors) -> None:
    config, registry = load_config(doors.world.config), doors.world.gate.runtime.registry
    partner = IssuerConfig.model_validate_json(
        '{"name": "partner", "issuer": "https://partner.example", "jwks_uri": "https://partner.example/keys",'
        '"audiences": {"admin": ["remit"]}, "grants": [{"subject": "*@example.com", "roles": ["user"]}]}'
    )
    with pytest.raises(ConfigError, match="issuer"):
        check_people(config.model_copy(update={"issuers": (partner,)}), registry)
    check_people(config, registry)
