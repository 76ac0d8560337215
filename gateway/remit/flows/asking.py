"""A question to policy and what its answer makes: one decision, whatever happened."""

from __future__ import annotations

from remit.core.decide import decide, unavailable
from remit.errors import PolicyUnavailableError
from remit.flows.runtime import Runtime
from remit.model.decision import Decision
from remit.model.question import QuestionDocument


async def ask(runtime: Runtime, question: QuestionDocument) -> Decision:
    """Policy's decision on ``question``; no answer is a retryable denial."""
    policy = runtime.deps.policy
    decision_id = runtime.deps.ids.new("dec", runtime.now())
    try:
        verdict = await policy.decide(question)
    except PolicyUnavailableError:
        return unavailable(decision_id, policy.reference())
    return decide(decision_id, verdict, policy.reference())
