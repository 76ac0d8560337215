"""The claims of the two tokens that the gateway issues. Claim names: reference profile, RFC 9068.

``iat`` and ``exp`` are NumericDate with millisecond fractions (RFC 7519 section 2), so that a
verifier that restarts can refuse what was issued before its start without a second's blur.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from remit.model.base import CallId, Model, Name, PrincipalId, RunId, Subject, TokenId

ACCESS_TOKEN: Final = "at+jwt"  # noqa: S105 - a media type
"""The ``typ`` header of an access token (RFC 9068 section 2.1)."""
TOOL_CALL: Final = "urn:remit:params:rar:tool-call"
"""The RFC 9396 authorization details type of one tool call."""
CALL_TOKEN_TTL_S: Final = 30
"""Lifetime of a call token (CONTRACTS, keys and lifetimes)."""
RUN_TOKEN_MAX_TTL_S: Final = 3600
LEEWAY_S: Final = 2


class Mission(Model):
    """The intent that a token was issued under: information, never by itself authority."""

    id: Name
    rev: int


class Actor(Model):
    """RFC 8693 section 4.1: who acts; nested actors are history."""

    sub: Subject
    act: Actor | None = None


class RunClaims(Model):
    """A run token: its bearer acts inside this run, as this principal. Its audience is the gateway."""

    iss: str
    sub: Subject
    client_id: Subject
    aud: str
    iat: float
    exp: float
    jti: TokenId
    sid: RunId
    tenant: Name
    principal: PrincipalId
    act: Actor | None = None


class CallDetails(Model):
    """The one RFC 9396 element of a call token: this tool, these arguments, once."""

    type: Literal["urn:remit:params:rar:tool-call"] = TOOL_CALL
    locations: Annotated[tuple[str, ...], Field(min_length=1, max_length=1)]
    actions: tuple[Literal["tools/call"], ...] = ("tools/call",)
    identifier: Name
    arguments_hash: str
    salt: str
    max_uses: Literal[1] = 1


class Control(Model):
    """The control sequences that a token was judged under: its tenant's, and the global one."""

    tenant: Name
    seq: int
    all: int


class CallClaims(Model):
    """A call token: one tool, one audience, these exact arguments, once, for thirty seconds.

    ``(client_id, iss, sub)`` stay the same all through a run. ``txn`` is the call id, ``sid`` the run.
    """

    iss: str
    sub: Subject
    client_id: Subject
    aud: str
    iat: float
    exp: float
    jti: TokenId
    sid: RunId
    txn: CallId
    mission: Mission
    control: Control
    server: Name
    act: Actor | None = None
    authorization_details: Annotated[tuple[CallDetails, ...], Field(min_length=1, max_length=1)]
