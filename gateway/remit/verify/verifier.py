"""A tool's gatekeeper: every check on a call token, in one order, with a stated freshness.

How long it may go on without hearing from the gateway depends on the tool's risk. The exposure of
a verifier that is cut off is min(what is left of the token, lease); it must never go on longer than that.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from remit.core.jws import Header, Key, own_rule, read_header
from remit.errors import TokenRevokedError, UnavailableError
from remit.verify.once import Once
from remit.verify.registers import Registers
from remit.verify.token import ACCESS_TOKEN, Grant, verify_call_token

if TYPE_CHECKING:
    from remit.model.base import JsonObject
    from remit.net.jwks import JwksCache

Risk: TypeAlias = Literal["low", "medium", "high"]

UNTIL_TOKEN_ENDS: Final = float("inf")
DEFAULT_LEASE_S: Final[Mapping[Risk, float]] = {"low": UNTIL_TOKEN_ENDS, "medium": 15.0, "high": 5.0}
"""Two polls of the feed (2 s each) may be missed before a tool of high risk asks, then denies."""

Introspect: TypeAlias = Callable[[str, Grant], Awaitable[bool]]
"""Asks the gateway whether a token is still good; raises ``UnavailableError`` when it cannot."""


def steady_clock() -> Callable[[], float]:
    """Epoch seconds that never go back: a clock that is set back must not revive a dead token."""
    offset = time.time() - time.monotonic()
    return lambda: max(time.time(), time.monotonic() + offset)


class Freshness(Protocol):
    """Tells how many seconds ago the registers were surely complete; infinity when never."""

    def fresh_for(self) -> float: ...


class Verifier:
    """Checks call tokens for one resource.

    Args:
        issuer: the gateway, exactly as it calls itself.
        keys: its access token keys.
        audience: this resource's URI, exactly as the catalogue has it.
        risks: of each tool here; a tool that is not named is of high risk.
        registers: what is revoked; kept by the feed.
        feed: says how fresh they are; without one they never are.
        lease_s: how stale they may be, per risk, seconds.
        introspect: what to do then; without it the call is refused.
        once: the used tokens. Tools that share it share *once*.
        clock: epoch seconds; must not go back.
    """

    def __init__(
        self,
        *,
        issuer: str,
        keys: JwksCache,
        audience: str,
        risks: Mapping[str, Risk] | None = None,
        registers: Registers | None = None,
        feed: Freshness | None = None,
        lease_s: Mapping[Risk, float] = DEFAULT_LEASE_S,
        introspect: Introspect | None = None,
        once: Once | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._issuer = issuer
        self._keys = keys
        self._audience = audience
        self._risks = dict(risks or {})
        self._registers = Registers() if registers is None else registers
        self._feed = feed
        self._lease_s = dict(lease_s)
        self._introspect = introspect
        self._clock = steady_clock() if clock is None else clock
        self._once = Once(self._clock()) if once is None else once

    async def verify(self, token: str, tool: str, arguments: JsonObject) -> Grant:
        """The grant for this one call; the token is used up.

        Raises:
            TokenInvalidError: bad, expired, used before, or for other arguments.
            WrongPlaneError: a good token, of another tool.
            TokenRevokedError: revoked.
            UnavailableError: nobody can say whether it still holds; nothing was used up.
            OverloadError: too many calls at once.
        """
        key = await self._keys.key(_header(token))
        grant = self._check(token, key, tool, arguments)
        if self._is_stale(tool):
            await self._ask(token, grant)
        return self._take(grant)

    def verify_sync(self, token: str, tool: str, arguments: JsonObject) -> Grant:
        """The same without waiting: with keys that are here, and never asking the gateway."""
        key = self._keys.cached(_header(token))
        if key is None:
            raise UnavailableError("the key of this token is not here (yet)")
        grant = self._check(token, key, tool, arguments)
        if self._is_stale(tool):
            raise UnavailableError("not connected to the gateway; the call is refused")
        return self._take(grant)

    def _check(self, token: str, key: Key, tool: str, arguments: JsonObject) -> Grant:
        return verify_call_token(
            token,
            keys=lambda kid: key if key.kid == kid else None,
            issuer=self._issuer,
            audience=self._audience,
            tool=tool,
            arguments=arguments,
            now=self._clock(),
        )

    def _is_stale(self, tool: str) -> bool:
        lease = self._lease_s[self._risks.get(tool, "high")]
        age = self._feed.fresh_for() if self._feed is not None else float("inf")
        return age > lease

    async def _ask(self, token: str, grant: Grant) -> None:
        if self._introspect is None:
            raise UnavailableError("not connected to the gateway; the call is refused")
        if not await self._introspect(token, grant):
            raise TokenRevokedError("the gateway says that the token no longer holds")

    def _take(self, grant: Grant) -> Grant:
        """What is last: revocation as known now, then the use. Nothing waits in between."""
        self._registers.check(grant)
        self._once.use(grant, self._clock())
        return grant


def _header(token: str) -> Header:
    return read_header(token, own_rule(ACCESS_TOKEN))
