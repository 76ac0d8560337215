"""Who acts, for whom, through whom; and who opened the run."""

from __future__ import annotations

from typing import Literal

from remit.model.base import Model, Name, PrincipalId, StepId, Subject

Role = Literal["agent", "user", "orchestrator", "admin", "approver", "verifier"]
"""What an issuer's subject may be to the gateway. Which one counts depends on the door."""

Plane = Literal["agent", "admin", "subject"]
"""What a token is for: the agent plane, the admin plane, or to be shown by somebody else as proof of the
user for whom a run is opened. A token for one is none for another: who is handed a user's proof cannot
open runs as that user."""


class Caller(Model):
    """Somebody who proved an identity to the gateway with a token of a configured issuer.

    Attributes:
        subject: the token's ``sub``.
        issuer: the configured issuer's name (not its URL).
        roles: what the issuer's configuration lets this subject be.
        tenant: the tenant that the issuer's configuration puts this subject in.
        plane: the audience that the token was for.
        interactive_at: when a human signed in (``auth_time``), epoch seconds; ``None`` when the
            token does not say.
    """

    subject: Subject
    issuer: Name
    roles: tuple[Role, ...]
    tenant: Name
    plane: Plane
    interactive_at: int | None = None


class Opener(Model):
    """Who opened the run and declared its intent."""

    id: Subject
    kind: Literal["user", "orchestrator", "agent"]
    issuer: Name


class Principal(Model):
    """A workload that may make calls in a run; sub-agents are narrowed principals of the same run.

    Attributes:
        agent: the workload identity; ``client_id`` in tokens.
        user: for whom it acts; ``None`` for an autonomous agent.
        user_issuer: the name of the issuer that vouched for the user.
        chain: the agents that delegated to this one, outermost first.
        steps: the plan steps it is narrowed to; ``None`` for all of them.
        parent: the principal that it was narrowed from.
    """

    id: PrincipalId
    agent: Subject
    user: Subject | None = None
    user_issuer: Name | None = None
    chain: tuple[Subject, ...] = ()
    steps: tuple[StepId, ...] | None = None
    parent: PrincipalId | None = None
