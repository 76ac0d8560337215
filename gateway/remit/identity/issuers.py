"""Openers' tokens of configured issuers: which issuer's rules apply, its keys, then its checks.

It must never accept a token of an issuer that is not configured, the gateway's own run and call
tokens included, nor let a token's own words choose anything but which configured rules it must pass.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import aiohttp

from remit.core.canonical import read_object, un_b64url
from remit.core.jws import MAX_TOKEN_BYTES, check_signature, read_header
from remit.errors import ConfigError, FieldError, TokenInvalidError
from remit.identity import checks, spiffe
from remit.identity.dev import DevIssuer
from remit.identity.settings import IssuerConfig
from remit.model.base import JsonObject
from remit.model.principal import Caller, Plane
from remit.net import http, jwks
from remit.ports import Clock

MAX_VERIFIED: Final = 10_000
"""How many verified tokens are remembered, so that one who calls often is checked once."""
VERIFIED_S: Final = 60.0
"""For how long at most, so that a key which its issuer withdraws soon stops counting."""

_SVID_USES: Final[frozenset[str | None]] = frozenset({"jwt-svid"})


class Issuers:
    """The Identity port over configured issuers.

    Args:
        configs: one per issuer; names and ``iss`` values must differ.
        clock: wall time for the tokens' times, monotonic time for the cache.
        own_issuer: the gateway's own issuer URL, which none of them may have.
        session: for fetching keys; made when first needed, and closed with this, when not given.
        dev: admits the development issuer as well. Unsafe.

    Raises:
        ConfigError: two issuers are alike, or one is the gateway itself.
    """

    def __init__(
        self,
        configs: Iterable[IssuerConfig],
        clock: Clock,
        *,
        own_issuer: str,
        session: aiohttp.ClientSession | None = None,
        dev: DevIssuer | None = None,
    ) -> None:
        self._configs = {config.issuer: config for config in _distinct(configs, own_issuer)}
        self._clock = clock
        self._session = session
        self._owns_session = session is None
        self._dev = dev
        self._keys: dict[str, jwks.JwksCache] = {}
        self._verified: OrderedDict[tuple[bytes, Plane], tuple[float, Caller]] = OrderedDict()

    async def authenticate(self, credential: str, plane: Plane) -> Caller:
        """Who holds ``credential``, at the door of ``plane``.

        Raises:
            TokenInvalidError: names the failing check.
            IdentityUnavailableError: the issuer's keys cannot be had.
        """
        # 1. A token that was checked a moment ago.
        remembered = (hashlib.sha256(credential.encode("utf-8", "replace")).digest(), plane)
        if known := self._recall(remembered):
            return known
        # 2. Which configured issuer's rules it has to pass. Unproven so far.
        unproven = _peek(credential)
        if self._dev is not None and unproven.get("iss") == self._dev.issuer:
            return await self._dev.authenticate(credential, plane)
        config = self._config_for(unproven)
        # 3. Header, key, signature, then claims.
        header = read_header(credential, checks.rule(config))
        key = await self._keys_of(config).key(header)
        claims = check_signature(credential, header, key)
        caller = checks.caller(config, claims, plane, self._clock.now_ms() / 1000)
        self._remember(remembered, claims, caller)
        return caller

    async def close(self) -> None:
        """Stop fetching keys."""
        for keys in self._keys.values():
            await keys.close()
        if self._session is not None and self._owns_session:
            await self._session.close()

    def _config_for(self, unproven: JsonObject) -> IssuerConfig:
        issuer, subject = unproven.get("iss"), unproven.get("sub")
        config = self._configs.get(issuer) if isinstance(issuer, str) else None
        if config is None and isinstance(subject, str):
            try:
                config = self._configs.get(f"spiffe://{spiffe.parse(subject).trust_domain}")
            except ValueError:
                config = None
        if config is None:
            raise TokenInvalidError("iss: not a configured issuer")
        return config

    def _keys_of(self, config: IssuerConfig) -> jwks.JwksCache:
        if config.name not in self._keys:
            uses = _SVID_USES if config.kind == "spiffe" else jwks.SIGNATURE_USES
            source = self._source_of(config)
            self._keys[config.name] = jwks.JwksCache(source, uses=uses, monotonic=self._clock.monotonic)
        return self._keys[config.name]

    def _source_of(self, config: IssuerConfig) -> jwks.Source:
        if config.jwks_file is not None:
            return jwks.file_source(config.jwks_file)
        if self._session is None:
            self._session = http.client_session()
        if config.jwks_uri is not None:
            return http.url_source(self._session, config.jwks_uri, allow_http=config.allow_http)
        return http.discovery_source(self._session, config.issuer, allow_http=config.allow_http)

    def _recall(self, remembered: tuple[bytes, Plane]) -> Caller | None:
        until, caller = self._verified.get(remembered, (float("-inf"), None))
        return caller if self._clock.monotonic() < until else None

    def _remember(self, remembered: tuple[bytes, Plane], claims: JsonObject, caller: Caller) -> None:
        expires = claims["exp"]
        if not isinstance(expires, int | float):
            return
        left = min(expires - self._clock.now_ms() / 1000, VERIFIED_S)
        self._verified[remembered] = (self._clock.monotonic() + left, caller)
        self._verified.move_to_end(remembered)
        while len(self._verified) > MAX_VERIFIED:
            self._verified.popitem(last=False)


def _distinct(configs: Iterable[IssuerConfig], own_issuer: str) -> list[IssuerConfig]:
    found = list(configs)
    for config in found:
        where = f"issuers.{config.name}"
        if config.issuer == own_issuer:
            raise ConfigError(where, "is the gateway itself, whose tokens open nothing")
        if sum(config.name == other.name or config.issuer == other.issuer for other in found) != 1:
            raise ConfigError(where, "has the name or the issuer of another one")
        if config.jwks_uri is not None:
            http.check_url(config.jwks_uri, allow_http=config.allow_http)
        if config.discovery:
            http.check_url(config.issuer, allow_http=config.allow_http)
    return found


def _peek(credential: str) -> JsonObject:
    """The claims as the token puts them, unproven: only good for choosing whose rules it must pass."""
    parts = credential.split(".")
    if len(credential) > MAX_TOKEN_BYTES or len(parts) != 3:
        raise TokenInvalidError("not a JWT in compact form")
    try:
        return read_object(un_b64url(parts[1]))
    except (FieldError, ValueError) as error:
        raise TokenInvalidError("payload: not a JSON object in base64url") from error
