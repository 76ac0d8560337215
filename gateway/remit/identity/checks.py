"""The claims of an opener's token against its issuer's configuration. Pure; signatures come before.

The checks differ by kind: OpenID tokens by OpenID Connect Core section 3.1.3.7, JWT-SVIDs by the
SPIFFE JWT-SVID standard. Whatever is missing or of another type fails.
"""

from __future__ import annotations

import math
import re
from typing import Final

from remit.core.jws import Rule
from remit.errors import TokenInvalidError
from remit.identity import spiffe
from remit.identity.settings import IssuerConfig
from remit.model.base import Json, JsonObject
from remit.model.principal import Caller, Plane, Role
from remit.model.token import LEEWAY_S

_SVID_TYPES: Final[frozenset[str | None]] = frozenset({None, "JWT", "JOSE"})
_SUBJECT: Final = re.compile(r"[!-~]{1,512}")
_ROLES: Final[dict[Plane, frozenset[Role]]] = {
    "agent": frozenset({"agent", "user", "orchestrator", "verifier"}),
    "admin": frozenset({"admin", "approver", "user", "verifier"}),
    "subject": frozenset({"user"}),
}
"""Which roles mean anything on which plane."""
_WORKLOADS: Final[frozenset[Role]] = frozenset({"agent", "orchestrator"})


def rule(config: IssuerConfig) -> Rule:
    """What the header of this issuer's tokens may say."""
    algorithms: frozenset[str] = frozenset(config.algorithms)
    if config.kind == "spiffe":
        return Rule(algorithms, _SVID_TYPES, needs_kid=False)
    types = frozenset(None if name.lower() == "none" else name.lower() for name in config.types)
    # Entra and others add x5t and the like, which are ignored.
    return Rule(algorithms, types, closed=False, needs_kid=False)


def caller(config: IssuerConfig, claims: JsonObject, plane: Plane, now: float) -> Caller:
    """Who the claims, whose signature has been checked, say it is.

    Args:
        config: of the issuer whose key signed.
        claims: of the token.
        plane: the door it knocks at.
        now: epoch seconds.

    Raises:
        TokenInvalidError: names the failing check.
    """
    subject = _subject(config, claims)
    _check_audience(config, claims.get("aud"), plane)
    check_times(claims, now, config.max_age_s, needs_iat=config.kind == "oidc")
    granted = [grant for grant in config.grants if grant.covers(subject, claims)]
    roles = plane_roles(plane, claims, {role for grant in granted for role in grant.roles})
    return Caller(
        subject=subject,
        issuer=config.name,
        roles=roles,
        tenant=config.tenant,
        plane=plane,
        interactive_at=interactive_at(claims),
    )


def plane_roles(plane: Plane, claims: JsonObject, granted: set[Role]) -> tuple[Role, ...]:
    """Those of the granted roles that count on this plane.

    Raises:
        TokenInvalidError: none does; or, on the admin plane, an agent could hold such a token.
    """
    if plane == "admin" and ("act" in claims or granted & _WORKLOADS):
        raise TokenInvalidError("the admin plane admits neither agents nor who acts through them")
    roles = granted & _ROLES[plane]
    if not roles:
        raise TokenInvalidError("sub: no grant of this issuer covers it here")
    return tuple(sorted(roles))


def check_times(claims: JsonObject, now: float, max_age_s: int, *, needs_iat: bool) -> float:
    """``exp`` of a token that holds now.

    Raises:
        TokenInvalidError: expired, not yet valid, too old, or a time is missing or not a number.
    """
    expires = _seconds(claims, "exp")
    if expires is None or expires <= now - LEEWAY_S:
        raise TokenInvalidError("exp: missing or past")
    not_before, issued = _seconds(claims, "nbf"), _seconds(claims, "iat")
    if not_before is not None and not_before > now + LEEWAY_S:
        raise TokenInvalidError("nbf: not yet valid")
    if issued is None and needs_iat:
        raise TokenInvalidError("iat: missing")
    if issued is not None and issued > now + LEEWAY_S:
        raise TokenInvalidError("iat: issued in the future")
    # A JWT-SVID may lack iat; then its remaining life must not exceed what its whole life may be.
    if (now - issued if issued is not None else expires - now) > max_age_s + LEEWAY_S:
        raise TokenInvalidError("iat: older than the issuer's max_age_s")
    return expires


def interactive_at(claims: JsonObject) -> int | None:
    """When the human signed in, if the issuer says so (``auth_time``)."""
    at = _seconds(claims, "auth_time")
    return None if at is None else int(at)


def _subject(config: IssuerConfig, claims: JsonObject) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise TokenInvalidError("sub: missing, or not visible ASCII of at most 512 characters")
    if config.kind == "oidc":
        if claims.get("iss") != config.issuer:
            raise TokenInvalidError("iss: not this issuer")
        return subject
    try:
        workload = spiffe.parse(subject)
    except ValueError as error:
        raise TokenInvalidError(f"sub: {error}") from error
    if f"spiffe://{workload.trust_domain}" != config.issuer or not workload.path:
        raise TokenInvalidError("sub: not a workload of this trust domain")
    return subject


def _check_audience(config: IssuerConfig, aud: Json, plane: Plane) -> None:
    named = [aud] if isinstance(aud, str) else aud
    ours = config.audiences.get(plane, ())
    if not isinstance(named, list) or not any(isinstance(name, str) and name in ours for name in named):
        raise TokenInvalidError("aud: not meant for this plane of the gateway")


def _seconds(claims: JsonObject, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenInvalidError(f"{name}: not a time")
    return float(value)
