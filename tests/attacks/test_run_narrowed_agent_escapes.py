"""Attack: a narrowed sub-agent redefines its own step, or ends or changes what is its parent's.

The end state: the plan is as it was, and nothing but the sub-agent's own step was permitted to it.
"""

from __future__ import annotations

import pytest
import remit_test_world as w

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_sub_agent_cannot_turn_its_step_into_a_payment(doors) -> None:
    run, token = await doors.open()
    path = f"/v1/runs/{run}"
    body = {"steps": ["s1"]}
    _, child = await doors.ask("POST", f"{path}/principals", token, body)
    sub = doors.bearer(child["token"])
    step = {"id": "s1", "tool": "payments.create", "constraints": {"payee": {"const": "Acme"}}}
    change = {"base_revision": 1, "changes": {"put": [step]}}
    assert (await doors.ask("POST", f"{path}/amendments", sub, change))[0] == 403
    assert (await doors.ask("POST", f"{path}/close", sub, {}))[0] == 403
    body = {"steps": ["s1", "s3"]}
    assert (await doors.ask("POST", f"{path}/principals", sub, body))[0] == 422
    pay = {"tool": "payments.create", "arguments": w.PAY}
    _, answer = await doors.ask("PUT", f"{path}/calls/c1", sub, pay)
    assert answer["decision"] == "deny"
    assert doors.world.upstream.sent == []
    _, state = await doors.ask("GET", path, token)
    assert (state["revision"], state["status"]) == (1, "open")
