"""Where a call's arguments go in an HTTP request: pure, from the tool's binding and the judged call.

Nothing that the agent sent is used but the effective arguments, and those can fill a path segment or
a query value but never add a segment, a parameter or a header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from yarl import URL

from remit.core.canonical import b64url, canonical
from remit.errors import NotSentError
from remit.model.base import Json, JsonObject
from remit.model.tool import HttpBinding
from remit.ports import UpstreamCall

ARGUMENTS_HEADER: Final = "Remit-Arguments"
"""base64url of the canonical arguments, wherever they are not all in a JSON body; the tool's verifier
checks it against the token and against what it finds in path and query."""
MAX_ARGUMENTS_HEADER_CHARS: Final = 7_168
"""Common servers refuse a header field beyond 8 KiB; a call that would meet that is not sent."""

_PLACEHOLDER: Final = re.compile(r"\{([^{}/]+)\}")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request without its credential. ``repr`` leaves out what the agent's arguments filled."""

    method: str
    url: URL
    headers: dict[str, str]
    body: bytes | None

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.url.origin()})"


def build(call: UpstreamCall, binding: HttpBinding) -> HttpRequest:
    """The request that carries ``call``.

    Raises:
        NotSentError: names the argument that cannot stand where the binding puts it.
    """
    in_path = set(_PLACEHOLDER.findall(urlsplit(binding.url).path))
    headers = {"Accept": "application/json, */*;q=0.5", "Accept-Encoding": "identity", "User-Agent": "remit"}
    if call.traceparent is not None:
        headers["traceparent"] = call.traceparent
    if in_path or binding.arguments == "query":
        headers[ARGUMENTS_HEADER] = _arguments_header(call.canonical)
    if binding.arguments == "query":
        others = {name: value for name, value in call.arguments.items() if name not in in_path}
        return HttpRequest(binding.method, _url(binding.url, call.arguments, others), headers, None)
    headers["Content-Type"] = "application/json"
    return HttpRequest(binding.method, _url(binding.url, call.arguments, {}), headers, call.canonical)


def _url(template: str, arguments: JsonObject, query: JsonObject) -> URL:
    parts = urlsplit(template)
    path = "/".join(_segment(segment, arguments) for segment in parts.path.split("/"))
    fixed = parse_qsl(parts.query, keep_blank_values=True)
    if clash := {name for name, _ in fixed} & query.keys():
        raise NotSentError(f"argument {min(clash)!r}: the tool's address already sets this query parameter")
    pairs = [parts.query] if parts.query else []
    pairs += [urlencode({name: _text(name, value)}, quote_via=quote) for name, value in query.items()]
    return URL(urlunsplit((parts.scheme, parts.netloc, path, "&".join(pairs), "")), encoded=True)


def _segment(template: str, arguments: JsonObject) -> str:
    """One path segment, filled. It stays one segment: no separator, and no ``.``, ``..`` or nothing."""
    names = _PLACEHOLDER.findall(template)
    if not names:
        return template
    filled = _PLACEHOLDER.sub(lambda match: quote(_in_path(match[1], arguments), safe=""), template)
    if filled in {"", ".", ".."}:
        raise NotSentError(f"argument {names[0]!r}: fills the path with an empty or relative segment")
    return filled


def _in_path(name: str, arguments: JsonObject) -> str:
    if name not in arguments:
        raise NotSentError(f"argument {name!r}: the tool's path needs it")
    text = _text(name, arguments[name])
    if not text or any(char in "/\\" or ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise NotSentError(f"argument {name!r}: empty, or has a character that no path segment may hold")
    return text


def _text(name: str, value: Json) -> str:
    match value:
        case str():
            return value
        case bool() | int() | float():
            return canonical(value).decode("ascii")
        case _:
            raise NotSentError(f"argument {name!r}: only a string, number or boolean fits a path or query")


def _arguments_header(canonical_bytes: bytes) -> str:
    header = b64url(canonical_bytes)
    if len(header) > MAX_ARGUMENTS_HEADER_CHARS:
        raise NotSentError(f"the arguments are too long for {ARGUMENTS_HEADER}; the tool needs a JSON body")
    return header
