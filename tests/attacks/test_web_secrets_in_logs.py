"""Attack: read the log lines, metrics and answers for what was planted in tokens, arguments and results.

The end state: no token, argument, result or task text stands anywhere but where its owner asked for it.
"""

from __future__ import annotations

import io
import json
import logging

import pytest
import remit_test_world as w
import structlog

from remit.config.settings import LogSettings
from remit.ports import UpstreamAnswer
from remit.wiring.observing import configure_logging

pytestmark = pytest.mark.asyncio(loop_scope="session")

ARGUMENT, RESULT, TASK, REASON = "PLANTED-argument", "PLANTED-result", "PLANTED-task", "PLANTED-reason"


async def test_nothing_planted_is_logged_or_recorded(doors, monkeypatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    root = logging.getLogger()
    handler = logging.StreamHandler(written)
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    kept = structlog.get_config()
    configure_logging(LogSettings(level="debug"))
    try:
        secrets = await _session(doors)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        structlog.configure(**kept)
    said = written.getvalue()
    assert '"request"' in said  # there is something to look through
    records = b"".join([entry.raw async for entry in doors.world.store.scan(w.Scan())]).decode()
    for secret in secrets:
        assert secret not in said
        assert secret not in records or secret == REASON
    _, page = await doors.ask("GET", "/metrics", admin=True)
    assert not any(secret in page.decode() for secret in secrets)


async def _session(doors) -> list[str]:
    """Everything that can go well or wrong with planted values in it; the values, and every token."""
    doors.world.upstream._replies["documents.read"] = UpstreamAnswer(
        ok=False, status=500, content_type="text/plain", body=RESULT.encode()
    )
    run, token = await doors.open(task=TASK)
    path = f"/v1/runs/{run}"
    bodies = [
        {"tool": "documents.read", "arguments": {"path": f"invoices/{ARGUMENT}"}},
        {"tool": "documents.read", "arguments": {"path": f"../{ARGUMENT}"}},
        {"tool": "payments.create", "arguments": {"payee": ARGUMENT, "amount_cents": "x"}},
        {"tool": "mail.send", "arguments": {"to": ARGUMENT, ARGUMENT: 1}},
    ]
    for n, body in enumerate(bodies):
        status, answer = await doors.ask("PUT", f"{path}/calls/c{n}", token, body)
        assert status == 200
        assert ARGUMENT not in json.dumps(answer) or n == 3
    mail = {"tool": "mail.send", "arguments": {"to": "billing@acme.example", "text": ARGUMENT}}
    _, permit = await doors.ask("PUT", f"{path}/calls/a1?mode=authorize", token, mail)
    assert permit["decision"] == "permit"
    report = {"outcome": "ok", "result": {"said": RESULT}}
    await doors.ask("POST", f"{path}/calls/a1/outcome", token, report)
    await doors.ask("PUT", f"{path}/calls/a2", token, {"tool": 5, "arguments": {"text": ARGUMENT}})
    broken = ('{"tool":"x","arguments":{"a":"' + ARGUMENT + '"').encode()
    headers = {**token, "Content-Type": "application/json"}
    _, problem = await doors.ask("PUT", f"{path}/calls/a3", headers, data=broken)
    assert ARGUMENT not in json.dumps(problem)
    forged = f"{permit['token'][:-8]}AAAAAAAA"
    await doors.ask("GET", path, doors.bearer(forged))
    await doors.ask("POST", "/oauth2/introspect", doors.verifier, data={"token": permit["token"]})
    amendment = {"base_revision": 1, "changes": {"remove": ["s1"]}, "reason": REASON}
    await doors.ask("POST", f"{path}/amendments", token, amendment)
    await doors.ask("POST", f"{path}/close", token, {"reason": "done"})
    raw = token["Authorization"][7:]
    tokens = [raw, raw.rpartition(".")[2], permit["token"], permit["token"].rpartition(".")[2], forged]
    return [ARGUMENT, RESULT, TASK, REASON, *tokens]
