"""Facts and verdict into one decision. Deny wins; no answer is a denial; a hold needs an answerer."""

from __future__ import annotations

from remit.model.decision import Decision, EngineRef, Finding, Verdict
from remit.model.reasons import REASONS

NO_ENGINE = EngineRef(name="none", revision="none")
"""What a decision names when core alone made it."""


def refuse(decision_id: str, findings: tuple[Finding, ...], engine: EngineRef = NO_ENGINE) -> Decision:
    """A denial for core's own reasons; retryable only if every one of them is."""
    return Decision(
        id=decision_id,
        effect="deny",
        findings=findings,
        retryable=bool(findings) and all(_retryable(finding) for finding in findings),
        engine=engine,
    )


def unavailable(decision_id: str, engine: EngineRef) -> Decision:
    """What no answer from policy means: denied, nothing was done, worth trying again."""
    finding = Finding(code="POLICY_UNAVAILABLE", subject=engine.name, rule="core/policy")
    return refuse(decision_id, (finding,), engine)


def decide(decision_id: str, verdict: Verdict, engine: EngineRef) -> Decision:
    """The decision that a verdict makes."""
    if verdict.effect == "hold" and not verdict.answerers:
        nobody = Finding(code="NOBODY_CAN_ANSWER", subject="hold", rule="core/decide")
        return refuse(decision_id, (*verdict.findings, nobody), engine)
    return Decision(
        id=decision_id,
        effect=verdict.effect,
        findings=verdict.findings,
        obligations=verdict.obligations if verdict.effect == "permit" else (),
        answerers=verdict.answerers if verdict.effect == "hold" else (),
        retryable=False,
        engine=engine,
    )


def _retryable(finding: Finding) -> bool:
    reason = REASONS.get(finding.code)
    return reason is not None and reason.retryable
