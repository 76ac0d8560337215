"""Asks the gateway whether one token still holds (RFC 7662), when the feed cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import aiohttp

from remit.errors import FieldError, UnavailableError
from remit.net.http import check_url, read_json
from remit.verify.token import Grant
from remit.verify.verifier import Introspect

TIMEOUT_S: Final = 2.0
MAX_ANSWER_BYTES: Final = 65_536


def introspector(session: aiohttp.ClientSession, url: str, credential: Callable[[], str]) -> Introspect:
    """Asks ``{url}/oauth2/introspect``, with the verifier's own credential."""
    endpoint = f"{check_url(url).rstrip('/')}/oauth2/introspect"

    async def ask(token: str, grant: Grant) -> bool:
        try:
            async with session.post(
                endpoint,
                data={"token": token, "token_type_hint": "access_token"},
                headers={"Authorization": f"Bearer {credential()}", "Accept": "application/json"},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:
                if response.status != 200:
                    raise UnavailableError(f"introspection answered {response.status}")
                answer = await read_json(response, MAX_ANSWER_BYTES)
        except (aiohttp.ClientError, TimeoutError, FieldError) as error:
            raise UnavailableError(f"introspection failed: {type(error).__name__}") from error
        return answer.get("active") is True and answer.get("jti") == grant.jti

    return ask
