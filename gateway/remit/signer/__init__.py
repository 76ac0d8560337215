"""Signs and checks the gateway's own tokens, security events and checkpoints: ES256, three key sets.

It must never hand out a private key, and never check one set's token with another set's key.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Final, get_args

import jwt
import structlog

from remit.core.jws import ES256, open_own
from remit.errors import ConfigError
from remit.model.base import JsonObject
from remit.model.token import LEEWAY_S, RUN_TOKEN_MAX_TTL_S
from remit.net import key_files
from remit.ports import Clock, KeyUse
from remit.signer import files
from remit.signer.ring import Ring, SigningKey, signing_key

__all__ = ["FileSigner", "MemorySigner"]

KEY_USES: Final[tuple[KeyUse, ...]] = get_args(KeyUse)
DEFAULT_JWKS_CACHE_S: Final = 300
"""How long others may keep our key set; served as ``Cache-Control: max-age``."""
RELOAD_CHECK_S: Final = 2.0
"""How often the key directories are looked at for another process's changes."""

_JWS: Final = jwt.PyJWS(algorithms=[ES256])
_log = structlog.get_logger(__name__)


class _RingSigner:
    """Signs with the rings' active keys and checks against their current ones."""

    def __init__(self, clock: Clock, rings: dict[KeyUse, Ring]) -> None:
        self._clock = clock
        self._rings = rings

    async def sign(self, use: KeyUse, typ: str, claims: JsonObject) -> str:
        """``claims`` as a signed token.

        The signature is made inline: it takes 45 µs, and a hop to another thread costs more than
        that. The port is asynchronous so that a key service can stand behind it.
        """
        key = self._ring(use).signing(self._clock.now_ms())
        payload = json.dumps(claims, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()
        return _JWS.encode(payload, key.private, ES256, headers={"typ": typ, "kid": key.kid})

    def verify(self, use: KeyUse, typ: str, token: str) -> JsonObject:
        """The claims of a token of exactly this kind, signed by a current key of this set.

        Raises:
            TokenInvalidError: names the failing check. Audience and time are the caller's to check.
        """
        ring, now = self._ring(use), self._clock.now_ms()
        return open_own(token, typ, lambda kid: ring.verifying(kid, now))

    def jwks(self, use: KeyUse) -> JsonObject:
        """The published key set (RFC 7517), oldest key first."""
        return self._ring(use).jwks(self._clock.now_ms())

    def _ring(self, use: KeyUse) -> Ring:
        return self._rings[use]


class MemorySigner(_RingSigner):
    """Keys that live and die with the process: for replay, tests and a first try.

    Args:
        clock: wall time decides which key signs.
    """

    def __init__(self, clock: Clock) -> None:
        now = clock.now_ms()
        keys = {use: signing_key(key_files.new_key(), use, now, now) for use in KEY_USES}
        super().__init__(clock, {use: Ring(use, [key]) for use, key in keys.items()})


class FileSigner(_RingSigner):
    """Keys in ``directory/{access,events,checkpoints}``; made on first start, active at once.

    Args:
        directory: kept across restarts; several processes may share it.
        clock: wall time decides which key signs, monotonic time when to look for changes.
        jwks_cache_s: how long others may keep the key set.

    Raises:
        ConfigError: a key file is wrong, or readable by others.
    """

    def __init__(self, directory: Path, clock: Clock, *, jwks_cache_s: int = DEFAULT_JWKS_CACHE_S) -> None:
        super().__init__(clock, {})
        self._directory = directory
        self._jwks_cache_ms = jwks_cache_s * 1000
        self._checked = clock.monotonic()
        for use in KEY_USES:
            key_files.make_directory(directory / use)
        self._load()
        for use in KEY_USES:
            if not self._rings[use].keys:
                self._add(use, active_from=clock.now_ms())
        self._load()

    def rotate(self, use: KeyUse) -> str:
        """Publish a new key now, which signs from 2 x the JWKS cache time on; its ``kid``.

        The keys before it verify until the last token that they can have signed is dead. Those of
        checkpoints verify for ever, because a log is checked offline years later.
        """
        active_from = self._clock.now_ms() + 2 * self._jwks_cache_ms
        self._load()
        earlier = list(self._rings[use].keys.values())
        new = self._add(use, active_from=active_from)
        if use != "checkpoints":
            self._retire(use, earlier, active_from + (RUN_TOKEN_MAX_TTL_S + LEEWAY_S) * 1000)
        self._load()
        return new.kid

    def _ring(self, use: KeyUse) -> Ring:
        if self._clock.monotonic() - self._checked >= RELOAD_CHECK_S:
            self._checked = self._clock.monotonic()
            self._reload()
        return self._rings[use]

    def _reload(self) -> None:
        try:
            if self._marks() != self._loaded_marks:
                self._load()
        except (ConfigError, OSError) as error:
            # The keys in memory are still good; a broken file must not stop a running gateway.
            _log.error("signing keys not reloaded", error=str(error))

    def _load(self) -> None:
        marks = self._marks()  # before reading, so that a change during it is seen next time
        self._rings = {use: files.load(self._directory / use, use) for use in KEY_USES}
        self._loaded_marks = marks
        self._checked = self._clock.monotonic()

    def _marks(self) -> tuple[int, ...]:
        """The directories' modification times; each change of a key set renames a file into one."""
        return tuple((self._directory / use).stat().st_mtime_ns for use in KEY_USES)

    def _add(self, use: KeyUse, *, active_from: int) -> SigningKey:
        key = signing_key(key_files.new_key(), use, self._clock.now_ms(), active_from)
        files.add(self._directory / use, key)
        return key

    def _retire(self, use: KeyUse, keys: list[SigningKey], at: int) -> None:
        for key in keys:
            if key.retired is None:
                files.write_times(self._directory / use, dataclasses.replace(key, retired=at))
