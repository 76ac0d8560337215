"""What the flows answered, in the words that expectations use."""

from __future__ import annotations

from typing import Any, Final

from remit.errors import RefusedError, RemitError
from remit.flows.calls import Made
from remit.flows.earlier import Earlier
from remit.flows.queries import explained
from remit.flows.signals import Confirmation
from remit.model.decision import Decision
from remit.replay.expect import Observed

DONE: Final[Observed] = {"result": "accepted"}


def decided(decision: Decision) -> dict[str, Any]:
    """A decision with its reasons, as people read them."""
    reasons: list[Any] = explained(decision)
    words = ("title", "description", "remedy", "subject")
    return {
        "decision": decision.effect,
        "codes": [finding.code for finding in decision.findings],
        "retryable": decision.retryable,
        "answerers": [answerer.who for answerer in decision.answerers],
        "explains": [reason[word] for reason in reasons for word in words],
    }


def made(result: Made) -> dict[str, Any]:
    """What became of a call."""
    judged = result.judged
    if isinstance(judged, Earlier):
        settled = judged.settled.outcome if judged.settled else None
        return {**decided(judged.decided.decision), "outcome": settled, "repeated": True}
    outcome = result.forwarded.outcome if result.forwarded else None
    return {**decided(judged.decision), "outcome": outcome, "repeated": False}


def confirmed(by: Confirmation) -> dict[str, Any]:
    """A revocation, and whether every connected tool has confirmed it."""
    return {**DONE, "confirmed": 0 < by.connected == by.confirmed}


def refused(error: RemitError) -> Observed:
    """The gateway, or a tool's verifier, did not do what was asked."""
    if isinstance(error, RefusedError):
        return {**decided(error.decision), "result": "refused"}
    return {"result": "refused", "error": error.code, "message": str(error), "explains": [str(error)]}
