"""The one way to make an HTTP client: bounded in time, connections and bytes, without redirects.

It must never follow a redirect or read an answer without a limit: an address that was checked is
the address that is asked.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp

from remit.core.canonical import read_object
from remit.errors import ConfigError, FieldError, IdentityUnavailableError
from remit.net.jwks import MAX_JWKS_BYTES, Fetched, Source

if TYPE_CHECKING:
    from remit.model.base import JsonObject

CONNECT_TIMEOUT_S: Final = 3.0
TOTAL_TIMEOUT_S: Final = 10.0
MAX_CONNECTIONS: Final = 32
MAX_CONNECTIONS_PER_HOST: Final = 8
DNS_CACHE_S: Final = 30


def client_session(*, total_timeout_s: float = TOTAL_TIMEOUT_S) -> aiohttp.ClientSession:
    """A session with limits, no cookies and no proxy from the environment. The caller closes it."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=total_timeout_s, connect=CONNECT_TIMEOUT_S),
        connector=aiohttp.TCPConnector(
            limit=MAX_CONNECTIONS, limit_per_host=MAX_CONNECTIONS_PER_HOST, ttl_dns_cache=DNS_CACHE_S
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def check_url(url: str, *, allow_http: bool = False) -> str:
    """``url``, if it may be asked: https, or plain http to this machine or where explicitly allowed.

    Raises:
        ConfigError: it may not.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise ConfigError(url, "is not a URL") from error
    if not host or parts.username or parts.password or parts.fragment:
        raise ConfigError(url, "must have a host, and neither userinfo nor a fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and (allow_http or _is_loopback(host))):
        raise ConfigError(url, "must be https (plain http only to a loopback address)")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def read_json(response: aiohttp.ClientResponse, max_bytes: int) -> JsonObject:
    """The JSON object in a response of at most ``max_bytes``.

    Raises:
        FieldError: too long, or not one JSON object.
    """
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > max_bytes:
            raise FieldError("/", f"longer than {max_bytes} bytes")
    return read_object(bytes(body))


def url_source(session: aiohttp.ClientSession, url: str, *, allow_http: bool = False) -> Source:
    """Keys from a JWKS address."""
    check_url(url, allow_http=allow_http)

    async def fetch() -> Fetched:
        return await _get(session, url)

    return fetch


def discovery_source(session: aiohttp.ClientSession, issuer: str, *, allow_http: bool = False) -> Source:
    """Keys from the ``jwks_uri`` of the issuer's OpenID configuration, which must name the issuer."""
    check_url(issuer, allow_http=allow_http)

    async def fetch() -> Fetched:
        found = await _get(session, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        jwks_uri = found.document.get("jwks_uri")
        if found.document.get("issuer") != issuer or not isinstance(jwks_uri, str):
            raise IdentityUnavailableError(
                f"{issuer}: its configuration does not name it, or has no jwks_uri"
            )
        try:
            return await _get(session, check_url(jwks_uri, allow_http=allow_http))
        except ConfigError as error:
            raise IdentityUnavailableError(str(error)) from error

    return fetch


async def _get(session: aiohttp.ClientSession, url: str) -> Fetched:
    try:
        async with session.get(
            url, allow_redirects=False, headers={"Accept": "application/json"}
        ) as response:
            if response.status != 200:
                raise IdentityUnavailableError(f"{url}: answered {response.status}")
            document = await read_json(response, MAX_JWKS_BYTES)
            return Fetched(document, _max_age(response.headers))
    except (aiohttp.ClientError, TimeoutError, FieldError) as error:
        raise IdentityUnavailableError(f"{url}: {type(error).__name__}") from error


def _max_age(headers: Any) -> float | None:
    """``max-age`` of RFC 9111 section 5.2.2.1; zero when the answer may not be kept."""
    directives = [part.strip().lower() for part in headers.get("Cache-Control", "").split(",")]
    if "no-store" in directives or "no-cache" in directives:
        return 0.0
    values = [part[8:] for part in directives if part.startswith("max-age=")]
    return float(values[0]) if values and values[0].isdecimal() and len(values[0]) < 10 else None
