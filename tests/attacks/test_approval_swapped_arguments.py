"""Attack: while a human looks at a harmless-looking hold, ask for something else under the same call id.

The end state: what the human saw is what was held, and nothing else is ever permitted by their answer.
"""

from __future__ import annotations

import pytest
import remit_test_world as w

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("killed", [False, True])
async def test_the_shown_arguments_cannot_be_replaced(doors, killed) -> None:
    run, token = await doors.open()
    path = f"/v1/runs/{run}/calls/c1"
    large = {"tool": "payments.create", "arguments": w.LARGE}
    _, held = await doors.ask("PUT", path, token, large)
    scope = {"scope": {"tool": "payments.create"}, "reason": "x"}
    if killed:  # a refusal by core comes before policy, and must not forget what was held
        await doors.ask("POST", "/v1/revocations", doors.administrator, scope, admin=True)
    for arguments in ({"payee": "Acme", "amount_cents": 1}, {"payee": "Acme", "amount_cents": "1"}, {}):
        body = {"tool": "payments.create", "arguments": arguments}
        assert (await doors.ask("PUT", path, token, body))[0] == 409
    assert (await doors.ask("PUT", path, token, {"tool": "mail.send", "arguments": w.MAIL}))[0] == 409
    _, shown = await doors.ask("GET", "/v1/approvals", doors.human, admin=True)
    assert shown["approvals"][0]["asked"] == w.LARGE
    if killed:
        await doors.ask("POST", "/v1/revocations/lift", doors.administrator, scope, admin=True)
    answer = {"answer": "approve", "reason": "seen"}
    approve = f"/v1/approvals/{held['approval']['id']}/answer"
    assert (await doors.ask("POST", approve, doors.human, answer, admin=True))[0] == 200
    assert (await doors.ask("PUT", path, token, large))[1]["decision"] == "permit"
    assert [call.arguments for call in doors.world.upstream.sent] == [w.LARGE]
