"""Attack: an extension tries to permit, to speak as a shipped rule, or to make a denial vanish."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from remit.errors import ConfigError
from remit.policy.embedded import EmbeddedEngine

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("policy_corpus", ROOT / "tests" / "policy" / "corpus.py")
corpus = importlib.util.module_from_spec(spec)
spec.loader.exec_module(corpus)

HEAD = 'package custom.evil.call\n\nimport rego.v1\n\npackages contains "custom/evil/call"\n\n'


async def _decide(rules: str, question):
    engine = EmbeddedEngine(deadline_s=10)
    await engine.activate(corpus.in_force(evil=HEAD + rules))
    try:
        return await engine.decide(corpus.document(question))
    finally:
        await engine.close()


async def test_its_allow_counts_for_nothing() -> None:
    rules = 'allow contains {"code": "CALL_WITHIN_REMIT", "subject": "pay", "rule": "call/grant"}\n'
    denied = corpus.with_value(corpus.call_question(), "call.step.admitted", False)
    assert (await _decide(rules, denied)).effect == "deny"


async def test_it_cannot_speak_as_a_shipped_rule() -> None:
    rules = 'deny contains {"code": "LIMIT_REACHED", "subject": "run:sum", "rule": "call/limits"}\n'
    verdict = await _decide(rules, corpus.call_question())
    assert [(f.code, f.rule) for f in verdict.findings] == [("EXTENSION_MALFORMED", "custom/evil/call")]


@pytest.mark.parametrize(
    "rules", ["deny := true\n", 'deny := ["no"]\n', 'deny contains "no"\n', "hold contains {}\n"]
)
async def test_a_denial_in_the_wrong_shape_is_still_one(rules: str) -> None:
    verdict = await _decide(rules, corpus.call_question())
    assert verdict.effect == "deny"
    assert {f.code for f in verdict.findings} == {"EXTENSION_MALFORMED"}


async def test_it_cannot_live_in_our_packages() -> None:
    with pytest.raises(ConfigError, match="must begin with"):
        corpus.in_force(evil=HEAD.replace("custom.evil.call", "remit.call"))
