"""One corpus through both engines: not one verdict may differ, and spoilt input never permits."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter

from remit.core.canonical import canonical
from remit.model.decision import Verdict
from remit.policy import worker
from remit.policy.embedded import EmbeddedEngine
from remit.policy.opa import OpaEngine

QUESTIONS = 2_400
SPOILT = 900
PATIENT_S = 30.0
"""A deadline that a busy machine meets; what is compared here is verdicts, not speed."""


async def _answers(engine, documents) -> list[Verdict]:
    room = asyncio.Semaphore(16)

    async def ask(document):
        async with room:
            return await engine.decide(document)

    return await asyncio.gather(*map(ask, documents))


async def test_no_verdict_differs(corpus, opa) -> None:
    documents = list(corpus.documents(seed=20261121, count=QUESTIONS))
    embedded, real = EmbeddedEngine(deadline_s=PATIENT_S), OpaEngine.child(opa, deadline_s=PATIENT_S)
    activation = corpus.in_force(shop=corpus.EXTENSION)
    try:
        await asyncio.gather(embedded.activate(activation), real.activate(activation))
        ours, theirs = await asyncio.gather(_answers(embedded, documents), _answers(real, documents))
    finally:
        await asyncio.gather(embedded.close(), real.close())
    differing = [
        (document.model_dump_json(), a, b)
        for document, a, b in zip(documents, ours, theirs, strict=True)
        if canonical(a.model_dump(mode="json")) != canonical(b.model_dump(mode="json"))
    ]
    assert not differing, differing[0]
    effects = Counter(verdict.effect for verdict in ours)
    assert 0.35 <= effects["permit"] / QUESTIONS <= 0.65, effects
    assert effects["hold"] > QUESTIONS / 100, effects


async def test_spoilt_input_never_gets_more_from_one_than_from_the_other(corpus, opa) -> None:
    """A field gone or of another type: the embedded engine may fail where OPA denies, never permit."""
    activation = corpus.in_force(shop=corpus.EXTENSION)
    engine = worker.load({"modules": activation.modules, "data": activation.data, "trial": {}})
    real = OpaEngine.child(opa, deadline_s=PATIENT_S)
    await real.activate(activation)
    try:
        for name, raw in _spoilt_questions(corpus):
            ours = worker.answer(engine, bytes([("run", "plan", "call").index(name)]) + raw)
            theirs = await _raw_verdict(real, name, raw)
            if ours[:1] == worker.OK:
                assert json.loads(ours[1:]) == theirs
            else:
                assert theirs["effect"] != "permit", raw
    finally:
        await real.close()


def _spoilt_questions(corpus):
    chance = random.Random(7)
    for index in range(SPOILT):
        name = ("run", "plan", "call")[index % 3]
        raw = corpus.QUESTIONS[name]()
        _spoil(chance, raw)
        yield name, json.dumps(raw).encode()


def _spoil(chance: random.Random, raw) -> None:
    place = raw
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = chance.choice(keys)
        if isinstance(place[key], (dict, list)) and place[key] and chance.random() < 0.7:
            place = place[key]
            continue
        if isinstance(place, dict) and chance.random() < 0.5:
            del place[key]
        else:
            place[key] = chance.choice([None, True, 0, "", "x", [], {}, [1], {"a": 1}])
        return


async def _raw_verdict(engine: OpaEngine, name: str, raw: bytes):
    api = engine._backend.current.api
    path = f"/v1/data/remit/{name}/decision?strict-builtin-errors=true"
    async with api._session.post(path, data=b'{"input":' + raw + b"}") as response:
        body = await response.json()
        return body.get("result", {"effect": "none", "status": response.status})
