"""A cache of somebody's published keys (RFC 7517) that never blocks the event loop.

One fetch at a time; the last good set serves while a refresh fails, but not beyond its hard expiry;
a flood of unknown key ids causes at most one fetch per cooldown. It must not import an HTTP client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from remit.core.canonical import read_object
from remit.core.jws import Header, Key, read_key
from remit.errors import FieldError, IdentityUnavailableError, TokenInvalidError

if TYPE_CHECKING:
    from remit.model.base import JsonObject

MAX_JWKS_BYTES: Final = 262_144
MAX_KEYS: Final = 100
DEFAULT_FRESH_S: Final = 300.0
"""How long a set is fresh when its publisher does not say."""
MIN_FRESH_S: Final = 30.0
MAX_FRESH_S: Final = 3600.0
STALE_S: Final = 3600.0
"""How long after that it may still serve while it cannot be refreshed. Then it is forgotten."""
COOLDOWN_S: Final = 10.0
"""At least this long between two fetches that an unknown key id or a failure causes."""

SIGNATURE_USES: Final[frozenset[str | None]] = frozenset({None, "sig"})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document, and for how many seconds its publisher says that it may be kept."""

    document: JsonObject
    max_age_s: float | None = None


Source: TypeAlias = Callable[[], Awaitable[Fetched]]
"""Fetches a key set, or raises ``IdentityUnavailableError``."""


def static_source(jwks: JsonObject) -> Source:
    """Keys that are simply given."""

    async def fetch() -> Fetched:
        return Fetched(jwks)

    return fetch


def file_source(path: Path) -> Source:
    """Keys in a local file, which may be replaced at any time."""

    async def fetch() -> Fetched:
        try:
            raw = await asyncio.to_thread(path.read_bytes)
            return Fetched(read_object(raw[: MAX_JWKS_BYTES + 1]))
        except (OSError, FieldError) as error:
            raise IdentityUnavailableError(f"{path}: {error}") from error

    return fetch


@dataclass(frozen=True, slots=True)
class _Set:
    keys: tuple[Key, ...]
    fresh_until: float
    dead_from: float

    def find(self, header: Header) -> Key | None:
        """The one key that fits; ``None`` when there is none, or more than one."""
        fitting = [
            key for key in self.keys if key.fits(header.alg) and (header.kid is None or key.kid == header.kid)
        ]
        return fitting[0] if len(fitting) == 1 else None


class JwksCache:
    """Keys of one publisher.

    Args:
        source: where they come from.
        uses: which values of the JWK's ``use`` count; ``None`` stands for an absent one.
        members: members that a JWK must have with exactly these values.
        monotonic: seconds; lifetimes do not follow the wall clock.
    """

    def __init__(
        self,
        source: Source,
        *,
        uses: frozenset[str | None] = SIGNATURE_USES,
        members: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._uses = uses
        self._members = dict(members or {})
        self._monotonic = monotonic
        self._set: _Set | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._tried_at = float("-inf")
        self._problem = "not fetched yet"

    async def key(self, header: Header) -> Key:
        """The key that a token's header names.

        Raises:
            TokenInvalidError: the publisher has no such key, or more than one that fits.
            IdentityUnavailableError: the key set cannot be had.
        """
        # 1. Without a usable set, wait for one.
        known = self._usable()
        if known is None:
            await self._refresh()
            if (known := self._usable()) is None:
                raise IdentityUnavailableError(f"keys cannot be had: {self._problem}")
        # 2. A stale one serves, and is refreshed behind its back.
        elif self._monotonic() >= known.fresh_until and self._may_try():
            self._start()
        # 3. An unknown key may be a new one: look once more, but not for every token.
        found = known.find(header)
        if found is None:
            await self._refresh()
            found = (self._usable() or known).find(header)
        if found is None:
            raise TokenInvalidError("kid: not a key of this issuer")
        return found

    def cached(self, header: Header) -> Key | None:
        """The same without waiting: only from a set that is here and usable."""
        known = self._usable()
        return known.find(header) if known else None

    async def close(self) -> None:
        """Stop a fetch that is under way."""
        if self._fetching:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _usable(self) -> _Set | None:
        known = self._set
        return known if known and self._monotonic() < known.dead_from else None

    def _may_try(self) -> bool:
        return self._monotonic() - self._tried_at >= COOLDOWN_S

    async def _refresh(self) -> None:
        """Join the fetch that is under way, or start one; not within the cooldown of the last."""
        if self._fetching is None:
            if not self._may_try():
                return
            self._start()
        if self._fetching:
            # Shielded: a caller who goes away must not take the others' fetch along.
            await asyncio.shield(self._fetching)

    def _start(self) -> None:
        if self._fetching is None:
            self._tried_at = self._monotonic()
            self._fetching = asyncio.create_task(self._fetch(), name="jwks fetch")

    async def _fetch(self) -> None:
        try:
            self._set = self._read(await self._source())
        except IdentityUnavailableError as error:
            self._problem = str(error)  # the last good set stays, until its hard expiry
        finally:
            self._fetching = None

    def _read(self, fetched: Fetched) -> _Set:
        jwks = fetched.document.get("keys")
        if not isinstance(jwks, list) or len(jwks) > MAX_KEYS:
            raise IdentityUnavailableError(f"not a key set of at most {MAX_KEYS} keys")
        keys = [read_key(jwk) for jwk in jwks if isinstance(jwk, dict) and self._counts(jwk)]
        said = DEFAULT_FRESH_S if fetched.max_age_s is None else fetched.max_age_s
        fresh_until = self._monotonic() + min(max(said, MIN_FRESH_S), MAX_FRESH_S)
        return _Set(tuple(key for key in keys if key), fresh_until, fresh_until + STALE_S)

    def _counts(self, jwk: Mapping[str, Any]) -> bool:
        use = jwk.get("use")
        if not (use is None or isinstance(use, str)) or use not in self._uses:
            return False
        return all(jwk.get(name) == value for name, value in self._members.items())
