"""Security events (RFC 8417, SSF 1.0, CAEP 1.0) that revoke: what the gateway says and a verifier hears.

Makers and reader stand side by side, so that the claim names exist once. It must not import
pydantic at run time: a tool's verifier reads events without the rest of remit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from remit.errors import TokenInvalidError

if TYPE_CHECKING:
    from remit.model.base import Json, JsonObject
    from remit.model.control import Scope

SESSION_REVOKED: Final = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
VERIFICATION: Final = "https://schemas.openid.net/secevent/ssf/event-type/verification"
"""SSF's heartbeat: it changes nothing."""
EVERY_TENANT: Final = "all"
"""``model.control.GLOBAL_TENANT``; a test compares them."""

_SEQUENCE: Final = "remit_sequence"
_TENANT: Final = "tenant"
_OWN_SUBJECTS: Final = {"tool": "remit_tool", "server": "remit_server"}

FloorKind: TypeAlias = Literal["agent", "tool", "server", "tenant"]


@dataclass(frozen=True, slots=True)
class TokenDead:
    """One token is revoked."""

    jti: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run ended, and with it every token under it."""

    sid: str


@dataclass(frozen=True, slots=True)
class Floor:
    """Tokens of this agent, tool, server or tenant judged below ``sequence`` are dead.

    Attributes:
        stream: the tenant whose control stream counts; ``all`` for the global stream.
    """

    stream: str
    kind: FloorKind
    id: str
    sequence: int


Revocation: TypeAlias = TokenDead | RunEnded | Floor


def audience(issuer: str) -> str:
    """Whom the events are for: every verifier of this issuer, so that one signature serves all."""
    return f"{issuer}/verifiers"


def token_revoked(*, issuer: str, event_id: str, now_ms: int, token: str, tenant: str) -> JsonObject:
    """An amendment or an admin revoked one call token."""
    subject: JsonObject = {"format": "jwt_id", "iss": issuer, "jti": token}
    return _event(issuer, event_id, now_ms, subject, "policy", {_TENANT: tenant})


def run_ended(*, issuer: str, event_id: str, now_ms: int, run: str, tenant: str) -> JsonObject:
    """A run ended."""
    subject: JsonObject = {"format": "complex", "session": _opaque(run)}
    return _event(issuer, event_id, now_ms, subject, "system", {_TENANT: tenant})


def killed(
    *, issuer: str, event_id: str, now_ms: int, scope: Scope, sequence: int, tenant: str
) -> JsonObject:
    """A kill was raised as record ``sequence`` of the control stream of ``tenant``.

    A scope of kind ``all`` covers everything that the stream covers: one tenant, or every one.
    """
    subject: dict[str, Json] = {"format": "complex", _TENANT: _opaque(tenant)}
    match scope.kind:
        case "agent":
            subject["application"] = _agent(scope.id)
        case "tool" | "server":
            subject[_OWN_SUBJECTS[scope.kind]] = _opaque(scope.id)
        case "tenant":
            subject[_TENANT] = _opaque(scope.id)
        case "all":
            pass
    private: JsonObject = {_TENANT: tenant, _SEQUENCE: sequence}
    return _event(issuer, event_id, now_ms, subject, "admin", private)


def _event(
    issuer: str, event_id: str, now_ms: int, subject: JsonObject, initiator: str, private: JsonObject
) -> JsonObject:
    # SSF 1.0: one event per SET, the subject in sub_id, and neither sub nor exp.
    event: JsonObject = {"event_timestamp": now_ms // 1000, "initiating_entity": initiator, **private}
    return {
        "iss": issuer,
        "aud": audience(issuer),
        "jti": event_id,
        "iat": now_ms / 1000,
        "sub_id": subject,
        "events": {SESSION_REVOKED: event},
    }


def _opaque(name: str) -> JsonObject:
    return {"format": "opaque", "id": name}


def _agent(name: str) -> JsonObject:
    return {"format": "uri", "uri": name} if "://" in name else _opaque(name)


# --- reading --------------------------------------------------------------------------------------


def read(claims: JsonObject, *, issuer: str) -> Revocation | None:
    """What a verifier has to remember; ``None`` for a heartbeat.

    Raises:
        TokenInvalidError: not an event of this issuer for its verifiers, or one that this version
            does not understand. Since it may revoke something, it must not be passed over.
    """
    if claims.get("iss") != issuer or claims.get("aud") != audience(issuer):
        raise TokenInvalidError("iss or aud: not an event of this issuer for its verifiers")
    if "sub" in claims or "exp" in claims:
        raise TokenInvalidError("sub, exp: must not be in a security event")
    kind, event = _one(_object(claims.get("events"), "events"))
    if kind == VERIFICATION:
        return None
    if kind != SESSION_REVOKED:
        raise TokenInvalidError("events: not a kind that this verifier knows")
    return _revocation(_object(claims.get("sub_id"), "sub_id"), _object(event, "events"), issuer)


def _revocation(subject: JsonObject, event: JsonObject, issuer: str) -> Revocation:
    match subject:
        case {"format": "jwt_id", "iss": str(iss), "jti": str(jti)} if len(subject) == 3 and iss == issuer:
            return TokenDead(jti)
        case {"format": "complex", "session": session} if len(subject) == 2:
            return RunEnded(_name(session))
        case {"format": "complex"}:
            return _floor({name: part for name, part in subject.items() if name != "format"}, event)
    raise TokenInvalidError("sub_id: not a subject that this verifier knows")


def _floor(parts: JsonObject, event: JsonObject) -> Floor:
    stream, sequence = event.get(_TENANT), event.get(_SEQUENCE)
    if not isinstance(stream, str) or not isinstance(sequence, int) or isinstance(sequence, bool):
        raise TokenInvalidError("events: no tenant and control sequence")
    tenant = _name(parts.pop(_TENANT, None))
    if not parts:
        return Floor(stream, "tenant", tenant, sequence)
    name, part = _one(parts)
    kinds: dict[str, FloorKind] = {"application": "agent", "remit_tool": "tool", "remit_server": "server"}
    if name not in kinds or tenant != stream:
        raise TokenInvalidError("sub_id: not a subject that this verifier knows")
    return Floor(stream, kinds[name], _name(part), sequence)


def _one(members: JsonObject) -> tuple[str, Json]:
    if len(members) != 1:
        raise TokenInvalidError("exactly one event with one subject is understood")
    return next(iter(members.items()))


def _object(value: Json, name: str) -> JsonObject:
    if not isinstance(value, dict):
        raise TokenInvalidError(f"{name}: not an object")
    return value


def _name(value: Json) -> str:
    match value:
        case {"format": "opaque", "id": str(name)}:
            return name
        case {"format": "uri", "uri": str(name)}:
            return name
    raise TokenInvalidError("sub_id: not a named subject")
