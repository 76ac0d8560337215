"""An expectation is met by what was observed, and never by what was not."""

from __future__ import annotations

from typing import Any

import pytest

from remit.replay.expect import (
    Acceptance,
    AmendExpectation,
    CallExpectation,
    Expectation,
    OutcomeExpectation,
    mismatches,
)

PERMIT: dict[str, Any] = {
    "decision": "permit",
    "codes": ["CALL_WITHIN_REMIT"],
    "retryable": False,
    "outcome": "ok",
    "executed": 1,
    "left": {"run:spend": 5, "step:s1": 1},
    "explains": ["The call lies within the run's remit"],
}
CONFLICT: dict[str, Any] = {"result": "refused", "error": "call-conflict", "message": "other arguments"}


@pytest.mark.parametrize(
    ("expected", "observed"),
    [
        (CallExpectation(decision="permit"), PERMIT),
        (CallExpectation(codes=("CALL_WITHIN_REMIT",), left={"run:spend": 5}), PERMIT),
        (CallExpectation(explains="WITHIN THE RUN"), PERMIT),
        (CallExpectation(error="call-conflict"), CONFLICT),
        (Acceptance(result="refused"), CONFLICT),
        (AmendExpectation(revokes=("b", "a")), {"revokes": ["a", "b"]}),
    ],
)
def test_met(expected: Expectation, observed: dict[str, Any]) -> None:
    assert list(mismatches(expected, observed)) == []


@pytest.mark.parametrize(
    ("expected", "observed", "said"),
    [
        (CallExpectation(decision="deny"), PERMIT, "expected decision deny; got permit (CALL_WITHIN_REMIT)"),
        (CallExpectation(codes=()), PERMIT, "expected codes none; got CALL_WITHIN_REMIT"),
        (CallExpectation(executed=0), PERMIT, "expected executed 0; got 1"),
        (CallExpectation(left={"run:spent": 5}), PERMIT, "run:spent 5; got run:spend 5"),
        (CallExpectation(explains="other"), PERMIT, "expected explains other; got"),
        (CallExpectation(error="run-closed"), PERMIT, "expected error run-closed; got decision permit"),
        (CallExpectation(error="run-closed"), CONFLICT, "expected error run-closed; got call-conflict"),
        (
            CallExpectation(decision="deny"),
            CONFLICT,
            "expected decision deny; got the error call-conflict: other arguments",
        ),
        (Acceptance(result="accepted"), CONFLICT, "expected result accepted; got the error call-conflict"),
        (Acceptance(result="refused"), {"result": "accepted"}, "expected result refused; got accepted"),
        (Acceptance(confirmed=True), {"result": "accepted"}, "expected confirmed True; got result accepted"),
        (AmendExpectation(voids=()), PERMIT, "expected voids none; got decision permit"),
        (OutcomeExpectation(outcome="unknown"), {}, "expected outcome unknown; got none"),
    ],
)
def test_not_met(expected: Expectation, observed: dict[str, Any], said: str) -> None:
    (mismatch,) = mismatches(expected, observed)
    assert said in mismatch
