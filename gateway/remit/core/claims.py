"""What the gateway's two tokens claim: made here, and read back here by the gateway itself.

A tool's verifier has its own reader in ``remit.verify``. Nothing here signs or knows a key: a
signature proves who said something, these checks that it was said to us and still holds.
"""

from __future__ import annotations

from typing import Final, TypeVar

from pydantic import ValidationError

from remit.core.canonical import b64url, canonical, salted_hash
from remit.errors import FieldError, TokenInvalidError
from remit.model.base import CallId, JsonObject, Name, RunId, Subject, TokenId
from remit.model.principal import Principal
from remit.model.token import LEEWAY_S, Actor, CallClaims, CallDetails, Control, Mission, RunClaims
from remit.model.tool import Tool

_LEEWAY_MS: Final = LEEWAY_S * 1000

_Claims = TypeVar("_Claims", RunClaims, CallClaims)


def run_claims(
    *,
    issuer: str,
    audience: str,
    run: RunId,
    tenant: Name,
    principal: Principal,
    jti: TokenId,
    now_ms: int,
    expires_ms: int,
) -> RunClaims:
    """A run token's claims: ``principal`` may ask the gateway (``audience``) for calls in ``run``."""
    return RunClaims(
        iss=issuer,
        sub=subject_of(principal),
        client_id=client_of(principal),
        aud=audience,
        iat=now_ms / 1000,
        exp=expires_ms / 1000,
        jti=jti,
        sid=run,
        tenant=tenant,
        principal=principal.id,
        act=actor_of(principal),
    )


def call_claims(
    *,
    issuer: str,
    run: RunId,
    call_id: CallId,
    principal: Principal,
    tool: Tool,
    arguments: bytes,
    salt: bytes,
    mission: Mission,
    control: Control,
    jti: TokenId,
    now_ms: int,
    expires_ms: int,
) -> CallClaims:
    """A call token's claims: this tool, at its own audience, with exactly these arguments, once.

    Args:
        arguments: the RFC 8785 bytes of the effective arguments; only their salted hash is claimed.
        salt: random per token, so that guessable arguments cannot be found from the hash.
        control: the control sequences that the call was judged under.
    """
    details = CallDetails(
        locations=(tool.resource,),
        identifier=tool.name,
        arguments_hash=salted_hash(salt, arguments),
        salt=b64url(salt),
    )
    return CallClaims(
        iss=issuer,
        sub=subject_of(principal),
        client_id=client_of(principal),
        aud=tool.resource,
        iat=now_ms / 1000,
        exp=expires_ms / 1000,
        jti=jti,
        sid=run,
        txn=call_id,
        mission=mission,
        control=control,
        server=tool.server,
        act=actor_of(principal),
        authorization_details=(details,),
    )


# --- who ------------------------------------------------------------------------------------------
# (client_id, iss, sub) is the same for every token of a run, sub-agents' included, because MCP
# servers bind their sessions to it. So both name the run's root, and ``act`` says who acts now.


def client_of(principal: Principal) -> Subject:
    """``client_id``: the agent at the root of the run tree, with which a chain begins."""
    return principal.chain[0] if principal.chain else principal.agent


def subject_of(principal: Principal) -> Subject:
    """``sub``: the user, or for an autonomous run its root agent."""
    return principal.user or client_of(principal)


def actor_of(principal: Principal) -> Actor | None:
    """``act`` (RFC 8693 section 4.1): the current actor outermost, who delegated to it inside.

    For a user: every agent of the chain. Autonomous: only the sub-agents, for the root agent is the
    subject itself; so its own tokens have no ``act``.
    """
    agents = (*principal.chain, principal.agent)
    actor: Actor | None = None
    for agent in agents if principal.user else agents[1:]:
        actor = Actor(sub=agent, act=actor)
    return actor


# --- reading --------------------------------------------------------------------------------------


def read_run(claims: JsonObject, *, issuer: str, audience: str, now_ms: int) -> RunClaims:
    """The claims of a run token whose signature has been checked.

    Raises:
        TokenInvalidError: names the failing check.
    """
    return _read(RunClaims, claims, issuer, audience, now_ms)


def read_call(claims: JsonObject, *, issuer: str, audience: str, now_ms: int) -> CallClaims:
    """The claims of a call token whose signature has been checked.

    Raises:
        TokenInvalidError: names the failing check.
    """
    call = _read(CallClaims, claims, issuer, audience, now_ms)
    if call.authorization_details[0].locations != (audience,):
        raise TokenInvalidError("authorization_details: locations is not the audience")
    return call


def _read(kind: type[_Claims], claims: JsonObject, issuer: str, audience: str, now_ms: int) -> _Claims:
    try:
        read = kind.model_validate_json(canonical(claims))
    except ValidationError as error:
        names = sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]})
        raise TokenInvalidError(f"{', '.join(names)}: not the claims of this kind of token") from error
    except FieldError as error:
        raise TokenInvalidError(f"{error.field}: {error.problem}") from error
    if read.iss != issuer:
        raise TokenInvalidError("iss: another issuer's token")
    if read.aud != audience:
        raise TokenInvalidError("aud: meant for another audience")
    if read.iat * 1000 > now_ms + _LEEWAY_MS:
        raise TokenInvalidError("iat: issued in the future")
    if read.exp * 1000 <= now_ms - _LEEWAY_MS:
        raise TokenInvalidError("exp: expired")
    return read
