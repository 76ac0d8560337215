"""Decisions and outcomes as JSON, and the words for the agent: what, why, whether to retry, what else."""

from __future__ import annotations

import json
from typing import Any

from remit.flows.calls import Made
from remit.flows.earlier import Earlier
from remit.flows.forward import Forwarded, result_json
from remit.flows.judge import Held, Permit, Refusal
from remit.flows.queries import explained
from remit.model.approval import Approval
from remit.model.base import Json, JsonObject
from remit.model.decision import Decision, Finding
from remit.model.reasons import REASONS
from remit.model.records.run import CallSettled


def decision_fields(decision: Decision) -> JsonObject:
    """What every answer that carries a decision says of it."""
    return {
        "decision_id": decision.id,
        "decision": decision.effect,
        "findings": explained(decision),
        "obligations": [obligation.model_dump(mode="json") for obligation in decision.obligations],
        "retryable": decision.retryable,
    }


def made(result: Made) -> JsonObject:
    """The answer to a call."""
    judged = result.judged
    if isinstance(judged, Earlier):
        return _earlier(judged, result.token)
    answer = decision_fields(judged.decision)
    match judged:
        case Permit():
            answer["token_id"] = judged.claims.jti
            answer["revision"] = judged.claims.mission.rev
            if result.token is not None:
                answer["token"] = result.token
                answer["expires_at"] = round(judged.claims.exp * 1000)
            if result.forwarded is not None:
                answer["outcome"] = _outcome(result.forwarded)
        case Held():
            answer["approval"] = approval(judged.approval)
            answer["message"] = held_message(judged.decision, judged.approval)
        case Refusal():
            answer["message"] = denial_message(judged.decision)
    return answer


def approval(held: Approval) -> JsonObject:
    """A hold, as the agent may know it."""
    return {
        "id": held.id,
        "status": held.status,
        "codes": list(held.codes),
        "answerers": [answerer.model_dump(mode="json") for answerer in held.answerers],
        "expires_at": held.expires_at,
    }


def denial_message(decision: Decision) -> str:
    """A denial for the model: what, why, whether to retry. No policy internals."""
    again = (
        "Nothing was done; the same call may be tried once more."
        if decision.retryable
        else "Do not retry this call."
    )
    reasons = " ".join(_sentence(finding) for finding in decision.findings)
    return f"Not permitted. {reasons} {again} [decision {decision.id}]"


def held_message(decision: Decision, held: Approval) -> str:
    """A hold for the model: who is asked, and what to do meanwhile."""
    who = ", ".join(sorted({answerer.who for answerer in held.answerers}))
    reasons = " ".join(_sentence(finding) for finding in decision.findings)
    return (
        f"Waiting for {who} to answer ({held.id}). {reasons} Nothing was done. Repeat the same call with the "
        f"same call id once it is answered, or go on with other steps. [decision {decision.id}]"
    )


def _sentence(finding: Finding) -> str:
    reason = REASONS.get(finding.code)
    said = reason.title if reason else finding.code
    return f"{said} ({finding.subject})."


def _outcome(forwarded: Forwarded) -> JsonObject:
    outcome: JsonObject = {"outcome": forwarded.outcome}
    if forwarded.answer is not None:
        outcome.update(result_json(forwarded.answer))
    if forwarded.why is not None:
        outcome["why"] = forwarded.why
    return outcome


def _earlier(earlier: Earlier, token: str | None) -> JsonObject:
    decided = earlier.decided
    answer: dict[str, Json] = {**decision_fields(decided.decision), "repeated": True}
    if decided.permitted is not None:
        answer["token_id"] = decided.permitted.jti
        answer["revision"] = decided.revision
    if token is not None and decided.permitted is not None:
        answer["token"] = token
        answer["expires_at"] = decided.permitted.expires_at
    if earlier.settled is not None:
        answer["outcome"] = _settled(earlier.settled, earlier.result)
    if decided.decision.effect == "deny":
        answer["message"] = denial_message(decided.decision)
    return answer


def _settled(settled: CallSettled, result: bytes | None) -> JsonObject:
    outcome: dict[str, Any] = {"outcome": settled.outcome}
    if settled.status is not None:
        outcome["status"] = settled.status
    if result is not None:
        outcome["body"] = result.decode("utf-8", "replace")
    return outcome


def explanation(row: JsonObject, audience: str) -> JsonObject:
    """One decision for one kind of reader; each is told what concerns it and no more."""
    found = row["reasons"]
    reasons = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    members = {"agent": ("title", "subject"), "business": ("title", "description", "remedy", "subject")}
    if audience in members:
        words: list[Json] = [{name: one[name] for name in members[audience]} for one in reasons]
        return {"decision_id": row["decision_id"], "decision": row["decision"], "reasons": words}
    if audience == "engineer":
        return {key: value for key, value in row.items() if key != "record"}
    return row


def dump(document: JsonObject) -> str:
    """Compact JSON for answers; a document that JSON cannot hold is an error, never ``NaN``."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
