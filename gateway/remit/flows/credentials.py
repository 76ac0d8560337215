"""Who holds a bearer token: a run's principal (a token of ours), or a caller of a configured issuer."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import jwt

from remit.core.canonical import sha256
from remit.core.claims import read_run
from remit.errors import TokenInvalidError, WrongPlaneError
from remit.flows.runtime import Runtime
from remit.model.principal import Caller, Role
from remit.model.run import RunState
from remit.model.token import ACCESS_TOKEN, RunClaims

_CACHED: Final = 10_000
"""How many verified run tokens are remembered."""


class RunTokens:
    """Verifies run tokens, remembering the verified ones until they expire.

    A remembered token saves a signature check, nothing else: whether the run still stands is read
    from the log for every call.
    """

    def __init__(self) -> None:
        self._verified: OrderedDict[str, RunClaims] = OrderedDict()

    def known(self, runtime: Runtime, token: str) -> RunClaims | None:
        """The claims of a run token that was verified before and is still in time."""
        claims = self._verified.get(sha256(token.encode()))
        return claims if claims is not None and runtime.now() < claims.exp * 1000 else None

    def verify(self, runtime: Runtime, token: str) -> RunClaims:
        """The claims of a run token.

        Raises:
            TokenInvalidError: not one of ours, not for this gateway, or expired.
        """
        if (known := self.known(runtime, token)) is not None:
            return known
        now = runtime.now()
        raw = runtime.deps.signer.verify("access", ACCESS_TOKEN, token)
        issuer = runtime.settings.issuer
        claims = read_run(raw, issuer=issuer, audience=issuer, now_ms=now)
        self._verified[sha256(token.encode())] = claims
        if len(self._verified) > _CACHED:
            self._verified.popitem(last=False)
        return claims


def is_run_token(runtime: Runtime, token: str) -> bool:
    """Whether ``token`` claims to be ours; a hint for choosing the check, never a check."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise TokenInvalidError("not a JWT") from error
    return claims.get("iss") == runtime.settings.issuer


async def agent_plane(runtime: Runtime, tokens: RunTokens, token: str) -> RunClaims | Caller:
    """Who holds a bearer token on the agent plane."""
    if (known := tokens.known(runtime, token)) is not None:
        return known
    if is_run_token(runtime, token):
        return tokens.verify(runtime, token)
    return await runtime.deps.identity.authenticate(token, "agent")


async def admin_plane(runtime: Runtime, token: str, *roles: Role) -> Caller:
    """Who holds a bearer token on the admin plane, with at least one of ``roles``."""
    if is_run_token(runtime, token):
        raise WrongPlaneError("a run token is not good for the admin plane")
    caller = await runtime.deps.identity.authenticate(token, "admin")
    return with_role(caller, *roles)


def with_role(caller: Caller, *roles: Role) -> Caller:
    """``caller``, if it has at least one of ``roles``."""
    if not set(roles) & set(caller.roles):
        raise WrongPlaneError(f"needs the role {' or '.join(roles)}")
    return caller


def opened_by(state: RunState, caller: Caller) -> bool:
    """Whether ``caller`` is the one that opened this run."""
    opener = state.opener
    return (opener.id, opener.issuer, state.tenant) == (caller.subject, caller.issuer, caller.tenant)
