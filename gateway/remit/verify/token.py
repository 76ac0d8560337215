"""One call token against one call: signature, kind, issuer, audience, time, tool, arguments. Pure.

It must never answer with less than all of these checks, and never accept arguments that differ in
anything from those that the gateway judged. Revocation and single use are the verifier's to add.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remit.core.canonical import canonical, salted_hash, un_b64url
from remit.core.jws import Key, open_own
from remit.errors import FieldError, TokenInvalidError, WrongPlaneError

if TYPE_CHECKING:
    from remit.model.base import Json, JsonObject

# Written again, because ``remit.model`` needs pydantic and this must not; a test compares them.
ACCESS_TOKEN: Final = "at+jwt"  # noqa: S105 - a media type
TOOL_CALL: Final = "urn:remit:params:rar:tool-call"
CALL_TOKEN_TTL_S: Final = 30
LEEWAY_S: Final = 2.0

_DETAILS: Final = frozenset(
    {"type", "locations", "actions", "identifier", "arguments_hash", "salt", "max_uses"}
)
MAX_CHAIN: Final = 32
"""At most so many nested actors."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a verified call token says: this one call may be made.

    Attributes:
        subject, client_id: for whom, and the agent at the root of the run.
        actors: who acts, the current actor first, then those who delegated to it.
        run, call: ``sid`` and ``txn``; to be logged, and passed on as correlation.
        tenant, sequence, global_sequence: the control sequences that the call was judged under.
        issued_at, expires_at: epoch seconds.
    """

    jti: str
    issuer: str
    subject: str
    client_id: str
    actors: tuple[str, ...]
    run: str
    call: str
    tool: str
    server: str
    tenant: str
    sequence: int
    global_sequence: int
    issued_at: float
    expires_at: float


def verify_call_token(
    token: str,
    *,
    keys: Callable[[str], Key | None],
    issuer: str,
    audience: str,
    tool: str,
    arguments: JsonObject,
    now: float,
    leeway: float = LEEWAY_S,
) -> Grant:
    """The grant in ``token``, if it is for exactly this call.

    Args:
        token: as it came after ``Bearer``.
        keys: finds the issuer's access token keys by ``kid``.
        issuer: the gateway, exactly as it calls itself.
        audience: the tool's resource URI, exactly as the catalogue has it.
        tool: the tool that is called.
        arguments: what it is called with, as received.
        now: epoch seconds.
        leeway: how far the clocks may differ, seconds.

    Raises:
        TokenInvalidError: names the failing check.
        WrongPlaneError: a good token, of another tool.
    """
    claims = open_own(token, ACCESS_TOKEN, keys)
    if claims.get("iss") != issuer:
        raise TokenInvalidError("iss: another issuer's token")
    if claims.get("aud") != audience:  # one string; a list is refused even if we are in it
        raise TokenInvalidError("aud: meant for another audience")
    details = _details(claims, audience)
    grant = _grant(claims, details)
    _check_times(grant, now, leeway)
    if grant.tool != tool:
        raise WrongPlaneError("authorization_details: a token of another tool")
    _check_arguments(details, arguments)
    return grant


def _details(claims: JsonObject, audience: str) -> JsonObject:
    match claims.get("authorization_details"):
        case [dict() as details] if details.keys() <= _DETAILS:
            said = (
                details.get("type"),
                details.get("locations"),
                details.get("actions"),
                details.get("max_uses"),
            )
            if said == (TOOL_CALL, [audience], ["tools/call"], 1):
                return details
    raise TokenInvalidError("authorization_details: not exactly one tool call at this audience")


def _grant(claims: JsonObject, details: JsonObject) -> Grant:
    control = claims.get("control")
    if not isinstance(control, dict):
        raise TokenInvalidError("control: missing")
    return Grant(
        jti=_text(claims, "jti"),
        issuer=_text(claims, "iss"),
        subject=_text(claims, "sub"),
        client_id=_text(claims, "client_id"),
        actors=_actors(claims.get("act")),
        run=_text(claims, "sid"),
        call=_text(claims, "txn"),
        tool=_text(details, "identifier"),
        server=_text(claims, "server"),
        tenant=_text(control, "tenant"),
        sequence=_integer(control, "seq"),
        global_sequence=_integer(control, "all"),
        issued_at=_seconds(claims, "iat"),
        expires_at=_seconds(claims, "exp"),
    )


def _check_times(grant: Grant, now: float, leeway: float) -> None:
    if grant.issued_at > now + leeway:
        raise TokenInvalidError("iat: issued in the future")
    if grant.expires_at <= now - leeway:
        raise TokenInvalidError("exp: expired")
    # What is forgotten about revoked and used tokens relies on none living longer.
    if grant.expires_at - grant.issued_at > CALL_TOKEN_TTL_S + 0.001:
        raise TokenInvalidError("exp: lives longer than a call token may")


def _check_arguments(details: JsonObject, arguments: JsonObject) -> None:
    claimed = _text(details, "arguments_hash")
    try:
        actual = salted_hash(un_b64url(_text(details, "salt")), canonical(arguments))
    except (FieldError, ValueError) as error:
        raise TokenInvalidError("arguments_hash: these arguments have no canonical form") from error
    if actual != claimed:
        raise TokenInvalidError("arguments_hash: not the arguments that were judged")


def _actors(act: Json) -> tuple[str, ...]:
    actors: list[str] = []
    while act is not None:
        if not isinstance(act, dict) or len(actors) == MAX_CHAIN:
            raise TokenInvalidError("act: not a chain of actors")
        actors.append(_text(act, "sub"))
        act = act.get("act")
    return tuple(actors)


def _text(claims: JsonObject, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise TokenInvalidError(f"{name}: missing, or not a string")
    return value


def _integer(claims: JsonObject, name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TokenInvalidError(f"{name}: missing, or not an integer")
    return value


def _seconds(claims: JsonObject, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenInvalidError(f"{name}: missing, or not a time")
    return float(value)
