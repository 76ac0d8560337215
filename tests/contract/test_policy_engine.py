"""The contract of ``PolicyEngine``, run against every implementation, and its failure modes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib.util
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from remit.errors import ConfigError, PolicyUnavailableError
from remit.model.decision import Verdict
from remit.net import child
from remit.policy.answer import MAX_OUTSTANDING
from remit.policy.embedded import EmbeddedEngine
from remit.policy.manifest import PolicySettings, activation
from remit.policy.opa import OpaEngine
from remit.policy.opa_server import ManagedServer

ROOT = Path(__file__).parents[2]
PATIENT_S = 10.0
"""A deadline that a busy machine meets, where speed is not the point."""

spec = importlib.util.spec_from_file_location("policy_corpus", ROOT / "tests" / "policy" / "corpus.py")
corpus = importlib.util.module_from_spec(spec)
spec.loader.exec_module(corpus)


@pytest.fixture
def opa() -> Path:
    built = ROOT / ".cache" / "bin" / "opa"
    found = built if built.exists() else shutil.which("opa")
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no real OPA; `make opa` builds one")
    return Path(found)


@contextlib.asynccontextmanager
async def _opa_server(opa: Path) -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    argv = [str(opa), "run", "-s", "--addr", address, "--log-level", "error", "--skip-version-check"]
    process = await child.Process.spawn(argv, environment={})
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(*address.split(":"))
                writer.close()
                break
            await asyncio.sleep(0.05)
        yield f"http://{address}"
    finally:
        await process.close()


@pytest.fixture(params=["embedded", "opa-child", "opa-server"])
async def engine(request, opa) -> AsyncIterator[EmbeddedEngine | OpaEngine]:
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "embedded":
            made = EmbeddedEngine(deadline_s=PATIENT_S)
        elif request.param == "opa-child":
            made = OpaEngine.child(opa, deadline_s=PATIENT_S)
        else:
            url = await stack.enter_async_context(_opa_server(opa))
            made = OpaEngine.server(url, manage=True, deadline_s=PATIENT_S)
        stack.push_async_callback(made.close)
        yield made


@pytest.fixture(params=["embedded", "opa-child"])
async def supervised(request, opa, monkeypatch) -> AsyncIterator[EmbeddedEngine | OpaEngine]:
    """An engine whose process is ours, with the real deadline and quick probes."""
    monkeypatch.setattr(child, "PROBE_INTERVAL_S", 0.2)
    made = EmbeddedEngine() if request.param == "embedded" else OpaEngine.child(opa)
    await made.activate(corpus.in_force())
    yield made
    await made.close()


def _pid(engine: EmbeddedEngine | OpaEngine) -> int:
    supervisor = engine._supervisor if isinstance(engine, EmbeddedEngine) else engine._backend._supervisor
    return supervisor.current._process.pid


async def _recovers(engine: EmbeddedEngine | OpaEngine) -> Verdict:
    for _ in range(200):
        with contextlib.suppress(PolicyUnavailableError):
            return await engine.decide(_call())
        await asyncio.sleep(0.05)
    pytest.fail("did not recover by itself")


def _is_managed(engine: EmbeddedEngine | OpaEngine) -> bool:
    return isinstance(engine, OpaEngine) and isinstance(engine._backend, ManagedServer)


def _call(path: str | None = None, value: object = None):
    raw = corpus.call_question()
    return corpus.document(raw if path is None else corpus.with_value(raw, path, value))


# --- answers ----------------------------------------------------------------------------------------


async def test_answers_every_question(engine) -> None:
    await engine.activate(corpus.in_force())
    for make in corpus.QUESTIONS.values():
        verdict = await engine.decide(corpus.document(make()))
        assert verdict.effect == "permit"
        assert verdict.revision == engine.reference().revision == corpus.in_force().revision
    denied = await engine.decide(_call("tool.environment", "production"))
    assert (denied.effect, [f.code for f in denied.findings]) == ("deny", ["ENVIRONMENT_MISMATCH"])
    held = await engine.decide(_call("call.holds", [{"id": "big", "answerer": "role:finance"}]))
    assert (held.effect, [(a.kind, a.who) for a in held.answerers]) == ("hold", [("role", "finance")])
    assert await engine.healthy()


async def test_a_long_answer_is_an_answer(engine) -> None:
    """OPA compresses answers above a kilobyte when it may."""
    await engine.activate(corpus.in_force())
    violations = [{"argument": f"/items/{n}", "operator": "max"} for n in range(200)]
    verdict = await engine.decide(_call("call.grant.violations", violations))
    assert len(verdict.findings) == 200


async def test_extensions_deny_hold_and_oblige(engine) -> None:
    await engine.activate(corpus.in_force(shop=corpus.EXTENSION))
    permitted = await engine.decide(_call())
    assert [o.seconds for o in permitted.obligations] == [10]
    closed = await engine.decide(_call("call.arguments", {"note": "closed"}))
    assert [(f.code, f.rule) for f in closed.findings] == [("X_CLOSED", "custom/shop/call")]
    large = await engine.decide(_call("call.arguments", {"amount": 900}))
    assert (large.effect, large.answerers[0].who) == ("hold", "finance")


async def test_unavailable_before_it_is_activated(engine, monkeypatch) -> None:
    engine._deadline_s = 0.1
    assert not await engine.healthy()
    with pytest.raises(PolicyUnavailableError):
        await engine.decide(_call())
    assert engine.reference().revision == "none"


async def test_many_at_once_are_all_answered(engine) -> None:
    await engine.activate(corpus.in_force())
    verdicts = await asyncio.gather(*(engine.decide(_call()) for _ in range(MAX_OUTSTANDING)))
    assert {verdict.effect for verdict in verdicts} == {"permit"}


async def test_more_than_that_are_refused_not_queued(engine) -> None:
    await engine.activate(corpus.in_force())
    asked = (engine.decide(_call()) for _ in range(2 * MAX_OUTSTANDING))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Verdict, PolicyUnavailableError}


async def test_callers_who_go_away_disturb_nobody(engine) -> None:
    await engine.activate(corpus.in_force())
    asked = [asyncio.create_task(engine.decide(_call())) for _ in range(60)]
    await asyncio.sleep(0.005)
    for task in asked[::2]:
        task.cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, Verdict) for answer in answers[1::2])


# --- activation -------------------------------------------------------------------------------------


def _without(path: str) -> Callable:
    def change(activation):
        modules = {name: text for name, text in activation.modules.items() if name != path}
        return dataclasses.replace(activation, modules=modules, revision=activation.revision)

    return change


def _with(path: str, text: str) -> Callable:
    return lambda activation: dataclasses.replace(activation, modules={**activation.modules, path: text})


BROKEN = {
    "syntax": (_with("custom/x.rego", "package custom.x.call\n\nallow if {\n"), "custom/x.rego:"),
    "unknown function": (
        _with("custom/x.rego", "package custom.x.call\n\na := nope.f(1)\n"),
        "custom/x.rego:3",
    ),
    "unsafe variable": (_with("custom/x.rego", "package custom.x.call\n\na := b\n"), "custom/x.rego:3"),
    "a rule file is missing": (_without("remit/call/limits.rego"), "call"),
    "a library is missing": (_without("remit/lib/entitlement.rego"), ""),
    "the entrypoint is missing": (_without("remit/plan/decision.rego"), ""),
    "the extensions are missing": (_without("remit/extension/call.rego"), ""),
    "recursion": (_with("custom/x.rego", "package custom.x.call\n\na := b\n\nb := a\n"), ""),
    "the revision is another": (lambda activation: dataclasses.replace(activation, revision="other"), ""),
}


ON_A_SERVER = ("a library is missing",)
"""A managed server takes a second for each, and shares what the child has with it."""


@pytest.mark.parametrize(
    ("engine", "broken"),
    [(kind, broken) for kind in ("embedded", "opa-child") for broken in BROKEN]
    + [("opa-server", broken) for broken in ON_A_SERVER],
    indirect=["engine"],
)
async def test_a_broken_policy_leaves_the_last_one_in_force(engine, broken) -> None:
    change, where = BROKEN[broken]
    await engine.activate(corpus.in_force())
    before = engine.reference()
    with pytest.raises(ConfigError) as refused:
        await engine.activate(change(corpus.in_force(shop=corpus.EXTENSION)))
    assert where in refused.value.where
    assert engine.reference() == before
    assert (await engine.decide(_call())).revision == before.revision


@pytest.mark.parametrize("engine", ["embedded", "opa-child"], indirect=True)
async def test_a_policy_that_crashes_the_engine_leaves_the_last_one_in_force(engine) -> None:
    """Recursion: a compile error in OPA, a stack overflow in Regorus."""
    loop = 'package custom.x.call\n\nimport rego.v1\n\npackages contains "custom/x/call"\n\n'
    loop += "deny contains 1 if _a\n\n_a if _b\n\n_b if _a\n"
    await engine.activate(corpus.in_force())
    with pytest.raises(ConfigError):
        await engine.activate(corpus.in_force(x=loop))
    assert (await engine.decide(_call())).effect == "permit"


async def test_the_first_policy_may_be_broken_and_the_second_good(engine) -> None:
    with pytest.raises(ConfigError):
        await engine.activate(BROKEN["syntax"][0](corpus.in_force()))
    await engine.activate(corpus.in_force())
    assert (await engine.decide(_call())).effect == "permit"


async def test_another_policy_takes_over_without_a_gap(engine) -> None:
    """Every answer is from one of the two; a managed server may also give none while it changes."""
    first, second = corpus.in_force(), corpus.in_force(shop=corpus.EXTENSION)
    await engine.activate(first)
    change = asyncio.create_task(engine.activate(second))
    seen: list[Verdict | BaseException] = []
    while not change.done():
        asked = (engine.decide(_call()) for _ in range(20))
        seen += await asyncio.gather(*asked, return_exceptions=True)
    await change
    assert {type(answer) for answer in seen} <= {
        Verdict,
        *([PolicyUnavailableError] if _is_managed(engine) else []),
    }
    revisions = {answer.revision for answer in seen if isinstance(answer, Verdict)}
    assert revisions <= {first.revision, second.revision}
    assert (await engine.decide(_call())).revision == second.revision


async def test_other_facts_under_the_same_rules(engine) -> None:
    """A managed server is out of step for the milliseconds until we know that it has them."""
    first = corpus.in_force()
    second = activation(corpus.organisation(), PolicySettings(max_secret_age_days=1))
    await engine.activate(first)
    change = asyncio.create_task(engine.activate(second))
    while not change.done():
        try:
            assert (await engine.decide(_call())).effect == "permit"
        except PolicyUnavailableError:
            assert _is_managed(engine)
    await change
    aged = await engine.decide(_call("tool.secret", {"kind": "static", "age_days": 2}))
    assert [finding.code for finding in aged.findings] == ["SECRET_TOO_OLD"]


# --- the engine's process fails ---------------------------------------------------------------------


async def test_killed_in_mid_flight(supervised) -> None:
    asked = [asyncio.create_task(supervised.decide(_call())) for _ in range(100)]
    await asyncio.sleep(0.01)
    os.kill(_pid(supervised), signal.SIGKILL)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {Verdict, PolicyUnavailableError}
    assert any(isinstance(answer, PolicyUnavailableError) for answer in answers)
    assert (await _recovers(supervised)).effect == "permit"


async def test_killed_while_idle(supervised) -> None:
    before = _pid(supervised)
    os.kill(before, signal.SIGKILL)
    assert (await _recovers(supervised)).effect == "permit"
    assert _pid(supervised) != before


async def test_stalled(supervised, monkeypatch) -> None:
    """A stopped process answers nothing, is found out, and is replaced."""
    monkeypatch.setattr("remit.policy.opa_child.PROBE_TIMEOUT_S", 0.2)
    before = _pid(supervised)
    os.kill(before, signal.SIGSTOP)
    await asyncio.to_thread(os.waitid, os.P_PID, before, os.WSTOPPED | os.WNOWAIT)
    loop = asyncio.get_running_loop()
    asked = loop.time()
    with pytest.raises(PolicyUnavailableError):
        await supervised.decide(_call())
    assert loop.time() - asked < 2.0
    assert (await _recovers(supervised)).effect == "permit"
    assert _pid(supervised) != before


async def test_a_managed_server_that_lost_its_policy_gets_it_again(opa, monkeypatch) -> None:
    monkeypatch.setattr(child, "PROBE_INTERVAL_S", 0.1)
    async with _opa_server(opa) as url:
        engine = OpaEngine.server(url, manage=True, deadline_s=PATIENT_S)
        await engine.activate(corpus.in_force())
        async with aiohttp.ClientSession() as session:
            await session.delete(f"{url}/v1/policies/remit/call/decision.rego")
        with pytest.raises(PolicyUnavailableError):
            await engine.decide(_call())
        assert (await _recovers(engine)).effect == "permit"
        await engine.close()


async def test_closing_leaves_no_process_behind(supervised) -> None:
    pid = _pid(supervised)
    await supervised.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
