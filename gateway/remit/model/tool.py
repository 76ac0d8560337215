"""A tool's contract, as its owner registers it in the catalogue."""

from __future__ import annotations

import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, HttpUrl, StringConstraints, TypeAdapter, field_validator, model_validator

from remit.model.base import Digest, JsonObject, Model, Name, Pointer, Subject

Impact = Literal["read", "write", "irreversible"]
Risk = Literal["low", "medium", "high"]
Environment = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]

DEFAULT_TIMEOUT_MS: Final = 30_000
DEFAULT_MAX_RESPONSE_BYTES: Final = 1_048_576
MAX_TIMEOUT_MS: Final = 300_000
MAX_RESPONSE_BYTES: Final = 64 * 1_048_576

_HTTP_URL: Final[TypeAdapter[HttpUrl]] = TypeAdapter(HttpUrl)


class SecretRef(Model):
    """A static secret that the gateway puts on the call because the tool knows nothing better.

    Attributes:
        source: ``env:NAME`` or ``file:PATH``; the value itself is never configured, logged or shown.
        header: the request header that carries it.
        format: how it is written there; ``{}`` stands for the value.
        issued: the day it was issued, so that its age can be watched.
    """

    source: Annotated[str, StringConstraints(pattern=r"^(env:[A-Z_][A-Z0-9_]*|file:.+)$")]
    header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "Authorization"
    format: Annotated[str, StringConstraints(max_length=64)] = "Bearer {}"
    issued: datetime.date

    @field_validator("format")
    @classmethod
    def _holds_value(cls, value: str) -> str:
        if value.count("{}") != 1:
            raise ValueError("must hold {} exactly once, where the secret's value goes")
        return value


class HttpBinding(Model):
    """How a tool is called over HTTP.

    Attributes:
        url: the address; ``{name}`` in its path is filled from that argument, percent-encoded.
        arguments: where the other arguments go. Outside a JSON body they are strings, numbers or
            booleans, and the canonical form travels in the ``Remit-Arguments`` header as well.
        timeout_ms: from the first byte sent to the last byte read.
        max_response_bytes: a longer answer is cut off and counts as unknown.
        allow_private: whether ``url`` may resolve to a private, loopback or link-local address.
    """

    url: Annotated[str, StringConstraints(max_length=2048)]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    arguments: Literal["json", "query"] = "json"
    timeout_ms: Annotated[int, Field(ge=1, le=MAX_TIMEOUT_MS)] = DEFAULT_TIMEOUT_MS
    max_response_bytes: Annotated[int, Field(ge=1, le=MAX_RESPONSE_BYTES)] = DEFAULT_MAX_RESPONSE_BYTES
    allow_private: bool = False

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        url = _HTTP_URL.validate_python(value)
        if url.username or url.password or url.fragment:
            raise ValueError("must have neither userinfo nor a fragment")
        if "{" in value.split("://", 1)[1].partition("/")[0]:
            raise ValueError("an argument may fill the path, never the host")
        return value


class StorePolicy(Model):
    """What is kept of a call's values beside the log, and for how long."""

    arguments: bool = True
    results: bool = False
    days: Annotated[int, Field(ge=0, le=3650)] = 30


class Review(Model):
    """Who looked at exactly this definition, and until when that look counts."""

    digest: Digest
    by: Subject
    until: datetime.date


class Tool(Model):
    """One tool. What it does not say is read as the more dangerous possibility.

    Attributes:
        server: the system that it belongs to; a kill can name it.
        resource: the audience of its call tokens (RFC 8707): an absolute URI without fragment.
        parameters: the JSON Schema (2020-12) of its arguments, ``schema`` in files. Unknown names
            are refused unless it says ``additionalProperties: true``.
        authority: the arguments that carry authority (a recipient, an account, a path).
        credential: what the gateway puts on the call: a call token, or a static secret.
        verifies: whether the tool verifies call tokens; a static secret is for those that do not.
        on_revoke: what happens to a call in flight when its step is dropped.
        reviewed: the review that pins this definition; ``None`` for one that nobody reviewed.
    """

    name: Name
    server: Name
    owner: Subject
    description: Annotated[str, StringConstraints(max_length=4096)] = ""
    impact: Impact = "irreversible"
    risk: Risk = "high"
    environment: Environment
    resource: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9+.-]*:[^\s#]+$", max_length=512)]
    http: HttpBinding | None = None
    parameters: JsonObject = Field(alias="schema")
    authority: tuple[Pointer, ...] = ()
    secret: SecretRef | None = None
    store: StorePolicy = StorePolicy()
    on_revoke: Literal["cancel", "complete"] = "cancel"
    reviewed: Review | None = None

    @model_validator(mode="after")
    def _object_schema(self) -> Tool:
        if self.parameters.get("type") != "object":
            raise ValueError("schema: must have type: object")
        return self

    def definition(self) -> JsonObject:
        """What a review pins: everything but the review itself."""
        return self.model_dump(mode="json", by_alias=True, exclude={"reviewed"})
