"""What counts as an engine's answer. Anything else is no answer, and no answer is never a yes."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

from remit.errors import PolicyUnavailableError
from remit.model.decision import Question, Verdict
from remit.model.plan import PlanDiff
from remit.model.question import (
    AgentFacts,
    CallFacts,
    GrantFacts,
    OpenerFacts,
    PlanFacts,
    PrincipalFacts,
    QuestionDocument,
    RunFacts,
    ToolFacts,
)
from remit.model.reasons import is_known
from remit.ports import Activation

DEADLINE_S: Final = 0.25
"""How long a decision may take in all, waiting included (DESIGN, section 6)."""
MAX_QUESTION_BYTES: Final = 1_048_576
MAX_ANSWER_BYTES: Final = 131_072
MAX_OUTSTANDING: Final = 256
"""How many decisions may be asked for and unanswered at once; more are refused, not queued."""


class Envelope(BaseModel):
    """OPA's Data API response. A missing ``result`` is OPA's word for *undefined*."""

    model_config = ConfigDict(strict=True, extra="ignore")

    result: Verdict


def bare_verdict(raw: bytes) -> Verdict:
    """The verdict that an engine's answer is."""
    return Verdict.model_validate_json(raw)


def enveloped_verdict(raw: bytes) -> Verdict:
    """The verdict inside an OPA response."""
    return Envelope.model_validate_json(raw).result


def accept(verdict: Verdict, activation: Activation, question: Question) -> Verdict:
    """``verdict``, if it comes from the policy in force, all of it, and says why.

    Raises:
        PolicyUnavailableError: it does not. Nothing of the answer is in the message.
    """
    if verdict.revision != activation.revision:
        raise PolicyUnavailableError("the engine answered from another revision than the one in force")
    if not activation.packages[question] <= set(verdict.packages):
        raise PolicyUnavailableError("the engine answered without some of the rules")
    if not verdict.findings or not all(is_known(finding.code) for finding in verdict.findings):
        raise PolicyUnavailableError("the engine answered without a reason, or with an unknown one")
    if verdict.effect == "hold" and not verdict.answerers:
        raise PolicyUnavailableError("the engine held something that nobody can answer")
    return verdict


def question_bytes(document: QuestionDocument) -> bytes:
    """The document as every engine gets it.

    Raises:
        PolicyUnavailableError: too long to be asked.
    """
    raw = document.model_dump_json().encode("utf-8")
    if len(raw) > MAX_QUESTION_BYTES:
        raise PolicyUnavailableError(f"the question is longer than {MAX_QUESTION_BYTES} bytes")
    return raw


# --- warm-up --------------------------------------------------------------------------------------


def warm_up(question: Question) -> QuestionDocument:
    """A question about nobody, asked before a policy is put in force. Its only right answer is no."""
    return QuestionDocument(
        question=question,
        time=0,
        environment="warm-up",
        principal=_NOBODY,
        run=_NO_RUN,
        call=_NO_CALL if question == "call" else None,
        tool=_NO_TOOL if question == "call" else None,
        plan=_NO_PLAN if question == "plan" else None,
    )


_NOBODY: Final = PrincipalFacts(
    agent=AgentFacts(id="warm-up", known=False, owner=None, roles=(), environments=(), confirmed_at=None),
    user=None,
    chain=(),
    opener=OpenerFacts(id="warm-up", kind="agent"),
)
_NO_RUN: Final = RunFacts(
    id="warm-up",
    template="warm-up",
    purpose=None,
    parameters={},
    declared_by="agent",
    revision=0,
    opened_at=0,
    expires_at=0,
    denials=0,
)
_NO_CALL: Final = CallFacts(
    id="warm-up",
    tool="warm-up",
    mode="execute",
    arguments={},
    step=None,
    grant=GrantFacts(granted=False, violations=()),
    holds=(),
)
_NO_TOOL: Final = ToolFacts(
    name="warm-up",
    server="warm-up",
    owner="warm-up",
    impact="irreversible",
    risk="high",
    environment="none",
    resource="urn:remit:warm-up",
    authority=(),
    reviewed=None,
    secret=None,
)
_NO_PLAN: Final = PlanFacts(
    base_revision=0, requested_by="agent", diff=PlanDiff(added=("warm-up",)), grown=()
)
