"""An issuer for a first try on one machine: whoever can read its directory can be anybody.

Everything it is called says UNSAFE. It must never be on unless somebody switched it on.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

import jwt
import structlog
from pydantic import ValidationError

from remit.core.jws import ES256, Key, open_own, public_jwk
from remit.errors import TokenInvalidError
from remit.identity import checks
from remit.model.base import Json, JsonObject
from remit.model.control import GLOBAL_TENANT
from remit.model.principal import Caller, Plane, Role
from remit.net import key_files
from remit.ports import Clock

DEV_NAME: Final = "UNSAFE-dev"
DEV_ISSUER: Final = "urn:remit:UNSAFE-dev"
DEFAULT_TTL_S: Final = 300
MAX_TTL_S: Final = 3600

_TYP: Final = "JWT"
_JWS: Final = jwt.PyJWS(algorithms=[ES256])
_log = structlog.get_logger(__name__)


class DevIssuer:
    """Mints and accepts tokens with whatever roles are asked for. Implements the Identity port.

    Args:
        directory: holds its key, made on first start.
        clock: wall time for the tokens' times.
        quiet: leaves the warning to the gateway that accepts the tokens.
    """

    name = DEV_NAME
    issuer = DEV_ISSUER

    def __init__(self, directory: Path, clock: Clock, *, quiet: bool = False) -> None:
        self._clock = clock
        path = directory / "UNSAFE-dev.pem"
        if not path.exists():
            key_files.make_directory(directory)
            key_files.write_key(path, key_files.new_key())
        self._private = key_files.read_key(path)
        members = public_jwk(self._private.public_key())
        self._key = Key(self._private.public_key(), members["kid"], ES256, members)
        if not quiet:
            _log.warning("UNSAFE dev_issuer is on: whoever reads its key can be anybody")

    def mint(
        self,
        subject: str,
        roles: Sequence[Role],
        plane: Plane,
        tenant: str = "default",
        ttl: int = DEFAULT_TTL_S,
    ) -> str:
        """A token for ``subject`` with these roles, for ``ttl`` seconds (at most an hour)."""
        now = self._clock.now_ms() / 1000
        claims: JsonObject = {
            "iss": DEV_ISSUER,
            "sub": subject,
            "aud": audience(plane),
            "iat": now,
            "exp": now + min(ttl, MAX_TTL_S),
            "auth_time": int(now),
            "jti": secrets.token_urlsafe(12),
            "remit_roles": list(roles),
            "remit_tenant": tenant,
        }
        headers = {"typ": _TYP, "kid": self._key.kid}
        return _JWS.encode(json.dumps(claims).encode(), self._private, ES256, headers=headers)

    async def authenticate(self, credential: str, plane: Plane) -> Caller:
        """Who it was minted for.

        Raises:
            TokenInvalidError: names the failing check.
        """
        claims = open_own(credential, _TYP, lambda kid: self._key if kid == self._key.kid else None)
        if claims.get("iss") != DEV_ISSUER or claims.get("aud") != audience(plane):
            raise TokenInvalidError("iss or aud: not meant for this plane of the gateway")
        checks.check_times(claims, self._clock.now_ms() / 1000, MAX_TTL_S, needs_iat=True)
        return _caller(claims, plane)

    async def close(self) -> None:
        """Nothing is held open."""


def audience(plane: Plane) -> str:
    """Our name in ``aud``, per plane."""
    return f"{DEV_ISSUER}:{plane}"


def _caller(claims: JsonObject, plane: Plane) -> Caller:
    roles = checks.plane_roles(plane, claims, _roles(claims.get("remit_roles")))
    said = {
        "subject": claims.get("sub"),
        "issuer": DEV_NAME,
        "roles": roles,
        "tenant": claims.get("remit_tenant"),
        "plane": plane,
        "interactive_at": checks.interactive_at(claims),
    }
    try:
        caller = Caller.model_validate(said)
    except ValidationError as error:
        raise TokenInvalidError("sub or remit_tenant: not a name") from error
    if caller.tenant == GLOBAL_TENANT:
        raise TokenInvalidError("remit_tenant: stands for every tenant")
    return caller


def _roles(claim: Json) -> set[Role]:
    """What the token claims to be: with this issuer, that is a grant."""
    named = claim if isinstance(claim, list) else []
    return {role for role in get_args(Role) if role in named}
