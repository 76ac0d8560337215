"""Every reason code there is, with the words for it: core's own, and policy's from the Rego METADATA.

A code is never reused with another meaning. Extensions of the policy have codes of their own,
prefixed ``X_``, which are not in this list and never in the shipped policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from remit.model.policy_reasons import POLICY_REASONS

EXTENSION_PREFIX: Final = "X_"


@dataclass(frozen=True, slots=True)
class Reason:
    """What a code means, in plain words.

    Attributes:
        title, description: what is refused (or allowed), and why.
        remedy: what to do now, and who can help.
        controls: what it is evidence for: OWASP NHI and ASI, agentic threats, NIST CSF.
        retryable: the same request may succeed later without anything about it changing.
        source: whose code it is.
    """

    code: str
    title: str
    description: str
    remedy: str
    controls: tuple[str, ...]
    retryable: bool
    source: Literal["core", "policy"]


def _core(
    code: str, title: str, description: str, remedy: str, *controls: str, retryable: bool = False
) -> Reason:
    return Reason(code, title, description, remedy, controls, retryable, "core")


CORE: Final = (
    _core(
        "RUN_CLOSED",
        "The run has ended",
        "The agent's session is over, and with it everything that it was allowed to do.",
        "Open a new run.",
        "NHI1:2025",
        "PR.AA-05",
    ),
    _core(
        "RUN_SUSPENDED",
        "The run is suspended",
        "The agent asked for so many things that it may not do that it may not do anything more.",
        "Look at what it was refused; then close the run and open a new one.",
        "ASI08",
        "ASI10",
        "T13",
    ),
    _core(
        "RUN_EXPIRED",
        "The run's time is up",
        "The task type allows a run only so much time, and this one has had it.",
        "Open a new run, or ask the owner of the task type for more time.",
        "NHI7:2025",
        "PR.AA-05",
    ),
    _core(
        "KILLED",
        "Stopped by an administrator",
        "An administrator has stopped this agent, tool, system or organisation, or everything.",
        "Ask the administrators why, and whether it can be lifted.",
        "NHI1:2025",
        "ASI08",
        "ASI10",
        "RS.MI-01",
        "MANAGE 2.4",
    ),
    _core(
        "TOOL_UNKNOWN",
        "There is no such tool",
        "The agent called a tool that is not in the catalogue.",
        "Use a tool from the catalogue, or ask the tool's team to register it.",
        "ASI02",
        "ASI04",
        "PR.AA-05",
    ),
    _core(
        "TOOL_UNAVAILABLE",
        "The tool cannot be reached",
        "The call was allowed, but the tool's system did not answer. Nothing was done.",
        "Try again later; if it lasts, tell the tool's owner.",
        "ASI08",
        retryable=True,
    ),
    _core(
        "ARGUMENTS_INVALID",
        "The arguments do not fit the tool",
        "What the agent wants to send is not what the tool accepts.",
        "Correct the argument that is named, following the tool's schema.",
        "ASI02",
        "T2",
    ),
    _core(
        "PRINCIPAL_UNKNOWN",
        "This agent does not take part in the run",
        "The token names an agent that was never, or is no longer, part of this run.",
        "Use the token that the run gave to this agent.",
        "ASI03",
        "T9",
        "PR.AA-03",
    ),
    _core(
        "LIMIT_RACE_LOST",
        "Another call was faster",
        "A call made at the same time used up what was left of a limit.",
        "Try again; it is judged anew with what is left.",
        "ASI08",
        "T4",
        retryable=True,
    ),
    _core(
        "POLICY_UNAVAILABLE",
        "The policy could not be asked",
        "The policy engine gave no answer that counts, and without an answer nothing is allowed. "
        "Nothing was done.",
        "Try again shortly; if it lasts, tell the platform team.",
        "ASI08",
        "PR.AA-05",
        retryable=True,
    ),
    _core(
        "TOO_MANY_OPEN_HOLDS",
        "Too many questions are waiting for a person",
        "So many requests of this run already wait for somebody's answer that no further one is added.",
        "Have the open ones answered, then try again.",
        "ASI09",
        "T10",
        retryable=True,
    ),
    _core(
        "VALUES_ERASED",
        "What the run was asked to do has been erased",
        "The task's text and parameters are no longer kept, so that nothing can be judged against them.",
        "Open a new run.",
        "PR.AA-05",
    ),
)
"""The codes by which core denies on its own, where no policy may differ."""

POLICY: Final = tuple(
    Reason(code, title, description, remedy, controls, retryable, "policy")
    for code, title, description, remedy, controls, retryable in POLICY_REASONS
)

REASONS: Final[Mapping[str, Reason]] = MappingProxyType({reason.code: reason for reason in (*CORE, *POLICY)})
"""The closed list, by code."""


def is_known(code: str) -> bool:
    """Whether a policy may answer with this code: a listed one, or an extension's own."""
    return code in REASONS or code.startswith(EXTENSION_PREFIX)
