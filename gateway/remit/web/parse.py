"""Requests into models, strictly: one JSON text, no duplicate names, no NaN, no unknown fields.

A refusal names the field and never echoes its value.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from remit.errors import FieldError, InputError, TokenInvalidError, TooLargeError

M = TypeVar("M", bound=BaseModel)

MAX_BODY_BYTES: Final = 1_048_576
MAX_FIELD_CHARS: Final = 256
"""Of a field's name in a problem; the caller wrote it."""
MAX_DIGITS: Final = 16
"""Of a number in a query; 2^53 has as many."""
_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_PREFER_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,3})(?:$|[,;\s])")


class MediaTypeError(InputError):
    """The body is not ``application/json``."""

    code = "media-type"


async def body(request: web.Request, model: type[M]) -> M:
    """The request's JSON body as ``model``.

    Raises:
        MediaTypeError, TooLargeError, InputError, FieldError: see each.
    """
    if request.content_type != "application/json":
        raise MediaTypeError("the body must be application/json")
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLargeError(f"the body is larger than {MAX_BODY_BYTES} bytes") from error
    except web.RequestPayloadError as error:
        raise InputError("the body is not what its Content-Encoding says") from error
    return parsed(raw, model)


def parsed(raw: bytes, model: type[M]) -> M:
    """``raw`` as ``model``; JSON that two readers could read differently is refused first."""
    try:
        json.loads(
            raw.decode(),
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _model_error(error) from error
    except RecursionError as error:
        raise InputError("the body is nested too deeply") from error
    except ValueError as error:
        raise InputError(f"the body is not one strict JSON text: {_safe(error)}") from error


def _model_error(error: ValidationError) -> InputError:
    """What a model refused; what its stricter parser could not read is no JSON text at all."""
    if error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid":
        return InputError("the body is not one strict JSON text: a surrogate or its depth")
    return field_error(error)


def field_error(error: ValidationError) -> FieldError:
    """The first thing that is wrong, as a field and a problem, without the value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])[:MAX_FIELD_CHARS]
    return FieldError(field or "body", first["msg"])


def bearer(request: web.Request) -> str:
    """The bearer token of the request (RFC 6750 section 2.1; no other place counts).

    Raises:
        TokenInvalidError: there is none, or more than one.
    """
    values = request.headers.getall("Authorization", [])
    if len(values) != 1:
        raise TokenInvalidError("one Authorization: Bearer header is needed")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token or not token.isascii() or " " in token:
        raise TokenInvalidError("the Authorization header must be Bearer and a token")
    return token


def traceparent(request: web.Request) -> str | None:
    """The caller's W3C trace context, if it is well-formed. It says nothing about identity."""
    value = request.headers.get("traceparent", "")
    return value if _TRACEPARENT.fullmatch(value) else None


def prefer_wait_s(request: web.Request, most: int) -> float:
    """``Prefer: wait=n`` (RFC 7240 section 4.3), seconds, at most ``most``."""
    found = _PREFER_WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found[1]), most) if found else 0


def integer(request: web.Request, name: str, default: int, most: int) -> int:
    """A whole number in the query."""
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS or int(text) > most:
        raise FieldError(name, f"must be a whole number, at most {most}")
    return int(text)


def choice(request: web.Request, name: str, choices: tuple[str, ...], default: str | None) -> str | None:
    """One of ``choices`` in the query."""
    text = request.query.get(name, default)
    if text is not None and text not in choices:
        raise FieldError(name, f"must be one of {', '.join(choices)}")
    return text


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is beyond every reader's range")
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _safe(error: ValueError) -> str:
    """The parser's words without any of the text."""
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error).partition(":")[0]
