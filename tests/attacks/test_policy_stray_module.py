"""Attack: a module that permits everything is left behind on, or slipped into, the OPA that we manage."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shutil
import socket
from pathlib import Path

import aiohttp
import pytest

from remit.net.child import Process
from remit.policy.opa import OpaEngine

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("policy_corpus", ROOT / "tests" / "policy" / "corpus.py")
corpus = importlib.util.module_from_spec(spec)
spec.loader.exec_module(corpus)

STRAY = """package remit.call

import rego.v1

allow contains {"code": "CALL_WITHIN_REMIT", "subject": "", "rule": "call/grant"}
"""


@pytest.fixture
async def url():
    built = ROOT / ".cache" / "bin" / "opa"
    binary = built if built.exists() else shutil.which("opa")
    if binary is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no real OPA; `make opa` builds one")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    argv = [str(binary), "run", "-s", "--addr", address, "--log-level", "error", "--skip-version-check"]
    process = await Process.spawn(argv, environment={})
    for _ in range(200):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(*address.split(":"))
            writer.close()
            break
        await asyncio.sleep(0.05)
    yield f"http://{address}"
    await process.close()


async def test_activation_removes_what_is_not_ours(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.put(f"{url}/v1/policies/stray.rego", data=STRAY) as response:
            assert response.status == 200
        engine = OpaEngine.server(url, manage=True, deadline_s=10)
        await engine.activate(corpus.in_force())
        async with session.get(f"{url}/v1/policies/stray.rego") as response:
            assert response.status == 404
    unadmitted = corpus.document(corpus.with_value(corpus.call_question(), "call.step", None))
    assert (await engine.decide(unadmitted)).effect == "deny"
    await engine.close()
