"""What policy says, and what the gateway decides: permit, deny or hold, with reasons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from remit.model.base import DecisionId, Digest, Model, Subject

Effect = Literal["permit", "deny", "hold"]
Question = Literal["run", "plan", "call"]

ReasonCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{2,63}$")]


class Finding(Model):
    """One reason.

    Attributes:
        code: from the closed list in ``docs/reasons.md`` (or an extension's own, prefixed ``X_``).
        subject: what it is about: a tool, a step, an argument pointer, a limit, a principal.
        rule: which rule said so: ``core/<check>`` or a Rego file, ``call/entitlement``.
    """

    code: ReasonCode
    subject: Annotated[str, StringConstraints(max_length=512)]
    rule: Annotated[str, StringConstraints(max_length=128)]


class Obligation(Model):
    """Something the gateway must do along with a permit. An unknown kind turns it into a denial.

    Attributes:
        kind: ``max_token_ttl`` shortens the call token to ``seconds``.
    """

    kind: Literal["max_token_ttl"]
    seconds: Annotated[int, Field(ge=1, le=30)]


class Answerer(Model):
    """Who can answer a hold: one user, or anyone with a role."""

    kind: Literal["user", "role"]
    who: Subject


class Verdict(Model):
    """A policy engine's answer, in the only shape that counts.

    Attributes:
        revision: the activated manifest's revision that answered.
        packages: the rule files that were evaluated; one missing makes the answer worthless.
    """

    effect: Effect
    findings: Annotated[tuple[Finding, ...], Field(max_length=256)]
    obligations: Annotated[tuple[Obligation, ...], Field(max_length=16)] = ()
    answerers: Annotated[tuple[Answerer, ...], Field(max_length=16)] = ()
    revision: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    packages: tuple[str, ...]


class EngineRef(Model):
    """Which engine answered, on which policy and data."""

    name: Literal["opa", "embedded", "none"]
    revision: str
    policy_digest: Digest | None = None
    data_digest: Digest | None = None


class Decision(Model):
    """The gateway's decision on one question: facts and verdict combined, deny first.

    Attributes:
        retryable: the same request may succeed later without anything about it changing.
    """

    id: DecisionId
    effect: Effect
    findings: tuple[Finding, ...]
    obligations: tuple[Obligation, ...] = ()
    answerers: tuple[Answerer, ...] = ()
    retryable: bool
    engine: EngineRef
