"""The replay with a stand-in gateway that mints real call tokens and forwards with the real upstream."""

import argparse
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

if "CI" not in os.environ:
    pytest.importorskip("agentdojo", reason="needs the bench extra; make unit installs it")

from bench.agentdojo import catalogue, replay
from bench.agentdojo.recorded import Call, RecordedRun
from bench.agentdojo.tools import serve
from bench.agentdojo.world import DEFAULT_SUITES, DEFAULT_VERSION, World, load_suites, replay_directly

from remit.core.canonical import canonical
from remit.core.claims import call_claims
from remit.core.registry import definition_digest, register
from remit.model.base import JsonObject
from remit.model.organisation import AgentEntry
from remit.model.principal import Principal
from remit.model.template import Template
from remit.model.token import ACCESS_TOKEN, Control, Mission
from remit.model.tool import Tool
from remit.ports import UpstreamCall
from remit.signer import MemorySigner
from remit.upstream.http import HttpUpstream

SUITES = load_suites(DEFAULT_SUITES, DEFAULT_VERSION)


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


def ulid(prefix: str, number: int) -> str:
    return f"{prefix}_{number:026d}"


class StandInGateway:
    """Permits every call but those of ``denied`` tools."""

    def __init__(self, tools: dict[str, Tool]) -> None:
        self.tools = tools
        self.denied: set[str] = set()
        self.unavailable = 0
        self.clock = SystemClock()
        self.signer = MemorySigner(self.clock)
        self.runs = self.minted = 0
        app = web.Application()
        app.router.add_get("/.well-known/jwks.json", self._jwks)
        app.router.add_post("/v1/runs", self._open)
        app.router.add_put("/v1/runs/{run}/calls/{call}", self._call)
        app.router.add_post("/v1/runs/{run}/close", self._close)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def _jwks(self, _request: web.Request) -> web.Response:
        return web.json_response(self.signer.jwks("access"))

    async def _open(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer opener"
        assert (await request.json())["template"].startswith("agentdojo.")
        self.runs += 1
        body = {"run": ulid("run", self.runs), "token": "run-token", "expires_at": 0, "plan": {}}
        return web.json_response(body, status=201)

    async def _close(self, _request: web.Request) -> web.Response:
        return web.json_response({})

    async def _call(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer run-token"
        asked = await request.json()
        if self.unavailable:
            self.unavailable -= 1
            denial = {"decision": "deny", "findings": [{"code": "POLICY_UNAVAILABLE"}], "retryable": True}
            return web.json_response(denial, headers={"Retry-After": "0"})
        if asked["tool"] in self.denied:
            return web.json_response({"decision": "deny", "findings": [{"code": "TOOL_NOT_GRANTED"}]})
        call = await self._permit(request.match_info["run"], request.match_info["call"], asked)
        upstream = HttpUpstream()
        answer = await upstream.send(call)
        await upstream.close()
        outcome = "ok" if answer.ok else "tool_error"
        return web.json_response({"decision": "permit", "findings": [], "outcome": {"outcome": outcome}})

    async def _permit(self, run: str, call_id: str, asked: dict[str, Any]) -> UpstreamCall:
        tool, now = self.tools[asked["tool"]], self.clock.now_ms()
        raw = canonical(asked["arguments"])
        self.minted += 1
        claims = call_claims(
            issuer=self.url,
            run=run,
            call_id=call_id,
            principal=Principal(id="prn_root", agent=catalogue.AGENT),
            tool=tool,
            arguments=raw,
            salt=bytes(16),
            mission=Mission(id="agentdojo", rev=1),
            control=Control(tenant="default", seq=0, all=0),
            jti=ulid("tok", self.minted),
            now_ms=now,
            expires_ms=now + 30_000,
        )
        token = await self.signer.sign(
            "access", ACCESS_TOKEN, claims.model_dump(mode="json", exclude_none=True)
        )
        return UpstreamCall(tool, call_id, asked["arguments"], raw, token)


def _recorded(suite: str, user_task: str, *, attack: str | None = None) -> RecordedRun:
    """A run that does its task (and the attack's) as AgentDojo's own solution would."""
    loaded = SUITES(suite)
    environment = loaded.load_and_inject_default_environment({})
    tasks = [loaded.user_tasks[user_task]]
    tasks += [loaded.get_injection_task_by_id(attack)] if attack else []
    calls = [step for task in tasks for step in task.ground_truth(environment)]
    return RecordedRun(
        suite=suite,
        user_task=user_task,
        injection_task=attack,
        injections={},
        prompt=tasks[0].PROMPT,
        calls=tuple(Call(step.function, dict(step.args)) for step in calls),
        output=tasks[0].GROUND_TRUTH_OUTPUT,
        utility=True,
        security=attack is not None,
        model="solution",
    )


RUNS = [
    _recorded("banking", "user_task_0"),
    _recorded("banking", "user_task_3", attack="injection_task_0"),
    _recorded("slack", "user_task_0"),
    _recorded("travel", "user_task_0"),
    _recorded("workspace", "user_task_0"),
]
CALLS = sum(len(run.calls) for run in RUNS)


@pytest.fixture
def resource() -> str:
    return f"http://127.0.0.1:{unused_port()}"


@pytest.fixture
async def gateway(resource: str, tmp_path: Path) -> AsyncIterator[StandInGateway]:
    suites = [SUITES(name) for name in catalogue.SUITES]
    catalogue.write(tmp_path, suites, resource=resource, declared=False)
    gateway = StandInGateway({tool.name: tool for tool in _read(tmp_path / "catalogue", "tools", Tool)})
    await gateway.server.start_server()
    yield gateway
    await gateway.server.close()


def _read(directory: Path, key: str, model: Any) -> list[Any]:
    entries = [entry for path in directory.glob("*.yaml") for entry in yaml.safe_load(path.read_text())[key]]
    return [model.model_validate_json(json.dumps(entry)) for entry in entries]


def _options(gateway: str, resource: str, tmp_path: Path) -> argparse.Namespace:
    (tmp_path / "opener").write_text("opener\n")
    credential = f"file:{tmp_path / 'opener'}"
    return replay.parse_arguments(
        ["--runs", "-", "--gateway", gateway, "--credential", credential, "--resource", resource]
    )


async def test_permit_all_reproduces_every_label(
    gateway: StandInGateway, resource: str, tmp_path: Path
) -> None:
    score = await replay.through_gateway(RUNS, SUITES, _options(gateway.url, resource, tmp_path))
    assert (score.runs, score.calls) == (len(RUNS), CALLS)
    assert (score.utility.part, score.security.part) == (5, 1)
    assert score.tally.decisions["permit"] == score.tally.outcomes["ok"] == score.tokens == CALLS
    assert score.tally.unverified == 0
    assert (score.blocked.part, score.blocked.whole, score.kept.part, score.kept.whole) == (0, 1, 4, 4)
    json.dumps(score.as_json())
    assert "| utility labels as recorded | 5/5 (100.0%) |" in score.table()


async def test_a_denied_call_is_not_in_the_trace(
    gateway: StandInGateway, resource: str, tmp_path: Path
) -> None:
    gateway.denied = {"banking.send_money"}
    score = await replay.through_gateway(RUNS, SUITES, _options(gateway.url, resource, tmp_path))
    assert score.tally.decisions["deny"] == score.tally.findings["TOOL_NOT_GRANTED"] > 0
    assert score.tally.decisions["permit"] == score.tokens == CALLS - score.tally.decisions["deny"]
    assert (score.blocked.part, score.blocked.whole) == (1, 1)
    assert (score.kept.part, score.kept.whole) == (3, 4)  # banking's bill is not paid either
    assert score.not_reproduced == 0


async def test_a_retryable_denial_is_put_again(
    gateway: StandInGateway, resource: str, tmp_path: Path
) -> None:
    gateway.unavailable = 1
    score = await replay.through_gateway(RUNS, SUITES, _options(gateway.url, resource, tmp_path))
    assert (score.repeats, score.tally.decisions["deny"]) == (1, 0)
    assert score.tally.decisions["permit"] == score.tokens == CALLS


async def test_a_token_is_good_for_its_own_call_only(
    gateway: StandInGateway, resource: str, tmp_path: Path
) -> None:
    suite = SUITES("banking")
    async with serve([suite], gateway=gateway.url, issuer=gateway.url, audience=resource) as tools:
        world = tools.worlds[ulid("run", 1)] = World(suite, RUNS[0])
        first = await gateway._permit(
            ulid("run", 1), "c1", {"tool": "banking.read_file", "arguments": {"file_path": "a"}}
        )
        other = UpstreamCall(first.tool, "c1", {"file_path": "b"}, b'{"file_path":"b"}', first.token)
        elsewhere = await gateway._permit(ulid("run", 2), "c1", {"tool": "banking.get_iban", "arguments": {}})
        upstream = HttpUpstream()
        statuses = [(await upstream.send(call)).status for call in (other, first, first, elsewhere)]
        await upstream.close()
    assert statuses == [401, 200, 401, 404]
    assert [call.function for call in world.trace] == ["read_file"]


def test_a_direct_replay_reproduces_every_label() -> None:
    for run in RUNS:
        labels = replay_directly(SUITES(run.suite), run)
        assert labels.utility is run.utility
        assert labels.security in {None, run.security}


@pytest.mark.parametrize("declared", [False, True])
def test_the_generated_files_are_a_registry_with_valid_reviews(tmp_path: Path, declared: bool) -> None:
    suites = [SUITES(name) for name in catalogue.SUITES]
    catalogue.write(tmp_path, suites, resource=catalogue.RESOURCE, declared=declared)
    registry = register(
        catalogue.ENVIRONMENT,
        _read(tmp_path / "catalogue", "tools", Tool),
        _read(tmp_path / "templates", "templates", Template),
        _read(tmp_path / "inventory", "agents", AgentEntry),
        [],
    )
    tools = registry.organisation.tools
    assert len(tools) == sum(len(suite.tools) for suite in suites)
    assert all(tool.reviewed and tool.reviewed.digest == definition_digest(tool) for tool in tools.values())
    assert {grant.name for t in registry.organisation.templates.values() for grant in t.tools} == tools.keys()
    arguments: JsonObject = {"channel": "general", "body": 1, "extra": None}
    if not declared:
        effective = registry.schemas["slack.send_channel_message"].effective(arguments)
        assert effective.arguments == arguments
