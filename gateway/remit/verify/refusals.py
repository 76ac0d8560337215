"""How a refused call is answered over HTTP: RFC 6750 challenges and RFC 9457 problems.

It must never say more than which check failed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from remit.errors import (
    CredentialError,
    InputError,
    OverloadError,
    RemitError,
    TooLargeError,
    UnavailableError,
    WrongPlaneError,
)

RETRY_AFTER_S: Final = 2


@dataclass(frozen=True, slots=True)
class Refusal:
    """A whole HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def refusal(error: RemitError, *, has_token: bool = True) -> Refusal:
    """The answer to a call that did not pass.

    Args:
        error: what the verifier raised.
        has_token: without one, the challenge names no error (RFC 6750 section 3.1).
    """
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    match error:
        case WrongPlaneError():
            status, headers["WWW-Authenticate"] = 403, 'Bearer error="insufficient_scope"'
        case CredentialError():
            status = 401
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if has_token else "Bearer"
        case TooLargeError():
            status = 413
        case InputError():
            status = 400
        case OverloadError() | UnavailableError():
            status, headers["Retry-After"] = 503, str(RETRY_AFTER_S)
        case _:
            status = 500
    problem = {"type": f"urn:remit:problem:{error.code}", "status": status, "title": error.code}
    if status < 500:  # what is wrong on this side is for this side's log
        problem["detail"] = str(error)
    return Refusal(status, headers, json.dumps(problem).encode())
