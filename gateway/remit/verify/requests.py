"""The arguments of a call as an HTTP request carries them, wherever it carries them.

What the token is compared with must be what the tool will read. So a value in path or query counts
only if the ``Remit-Arguments`` header gives its type, and both say the same; nothing may be left over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from remit.core.canonical import canonical, read_object, un_b64url
from remit.errors import FieldError, TokenInvalidError

if TYPE_CHECKING:
    from remit.model.base import Json, JsonObject

ARGUMENTS_HEADER: Final = "Remit-Arguments"
"""base64url of the RFC 8785 form of all arguments (CONTRACTS, calls)."""
JSON: Final = "application/json"
MAX_BODY_BYTES: Final = 1_048_576
MAX_HEADER_BYTES: Final = 65_536

Query: TypeAlias = Sequence[tuple[str, str]]
"""Names and values in order, decoded."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Where a request can carry arguments.

    Attributes:
        path: the values that fill the route's template, decoded.
        query: without what the tool's address always has.
        content_type: of the body, as its header says; ``None`` when there is none.
        header: the ``Remit-Arguments`` header.
    """

    path: Mapping[str, str]
    query: Query
    body: bytes
    content_type: str | None = JSON
    header: str | None = None


def without_fixed(query: Query, fixed: Query) -> list[tuple[str, str]]:
    """``query`` without the pairs that the tool's configured address always has.

    Raises:
        TokenInvalidError: one of them is not there.
    """
    rest = list(query)
    for pair in fixed:
        if pair not in rest:
            raise TokenInvalidError("the query lacks what the tool's address has")
        rest.remove(pair)
    return rest


def bearer(authorization: str | None) -> str:
    """The token in an ``Authorization`` header (RFC 6750 section 2.1).

    Raises:
        TokenInvalidError: there is none.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenInvalidError("no bearer token")
    return token.strip()


def arguments_of(parts: Parts) -> JsonObject:
    """All arguments of a call.

    Raises:
        FieldError: the body or the header is not one strict JSON object in UTF-8.
        TokenInvalidError: path, query, body and header do not say the same.
    """
    if parts.header is None:
        if parts.path or parts.query:
            raise TokenInvalidError(f"arguments in path or query need the {ARGUMENTS_HEADER} header")
        return _body(parts)
    arguments = _declared(parts.header)
    if any(name not in arguments or text_of(arguments[name]) != value for name, value in parts.path.items()):
        raise TokenInvalidError(f"the path and the {ARGUMENTS_HEADER} header differ")
    if parts.body:
        same = not parts.query and canonical(_body(parts)) == canonical(arguments)
    else:
        rest = [(name, text_of(value)) for name, value in arguments.items() if name not in parts.path]
        same = sorted(parts.query) == sorted(rest)
    if not same:
        raise TokenInvalidError(f"the request and its {ARGUMENTS_HEADER} header differ")
    return arguments


def text_of(value: Json) -> str:
    """An argument as it stands in a path or query: strings as they are, the rest as in JSON."""
    return value if isinstance(value, str) else canonical(value).decode()


def _body(parts: Parts) -> JsonObject:
    """The body, if an application can only read it as we do: JSON, and in no other character set."""
    kind, *parameters = (part.strip().lower() for part in (parts.content_type or "").split(";"))
    charsets = {value for name, _, value in (part.partition("=") for part in parameters) if name == "charset"}
    if kind != JSON or not charsets <= {"utf-8", '"utf-8"'}:
        raise FieldError("Content-Type", "must be application/json, in UTF-8")
    return read_object(parts.body)


def _declared(header: str) -> JsonObject:
    if len(header) > MAX_HEADER_BYTES:
        raise FieldError(ARGUMENTS_HEADER, f"longer than {MAX_HEADER_BYTES} bytes")
    try:
        raw = un_b64url(header)
    except ValueError as error:
        raise FieldError(ARGUMENTS_HEADER, str(error)) from error
    arguments = read_object(raw)
    if canonical(arguments) != raw:
        raise FieldError(ARGUMENTS_HEADER, "not in RFC 8785 form")
    return arguments
