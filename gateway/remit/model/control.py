"""The state of a tenant's control stream: what every judgement depends on besides the run."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from remit.model.base import Digest, Milliseconds, Model, Name, Subject

ScopeKind = Literal["agent", "tool", "server", "tenant", "all"]

GLOBAL_TENANT: Final = "all"
"""The tenant name under which the control stream for everybody is kept; no real tenant may use it."""


class Scope(Model):
    """What a kill covers: one agent, tool, server or tenant, or everything."""

    kind: ScopeKind
    id: Subject


class Kill(Model):
    """A kill: while it stands nothing in its scope is permitted, and tokens judged before it are dead.

    Attributes:
        sequence: its place in the control stream.
        standing: false once it was lifted; the tokens that it killed stay dead.
        raised_at: epoch milliseconds; a lifted kill is forgotten when no such token can be left.
    """

    scope: Scope
    sequence: int
    standing: bool = True
    raised_at: Milliseconds


class ControlState(Model):
    """One control stream as its records say it is.

    Attributes:
        sequence: of the last record; what an append must find unmoved.
        digests: what is in force, by kind: ``catalogue``, ``template``, ``inventory``, ``policy``.
        keys: the signing keys that have been announced, by thumbprint; in the global stream alone.
    """

    tenant: Name
    sequence: int = 0
    kills: tuple[Kill, ...] = ()
    digests: dict[str, Digest] = Field(default_factory=dict)
    keys: tuple[str, ...] = ()
