"""What every model shares: frozen, closed to unknown fields, no coercion; and the id types.

Nothing here may read a clock or draw a random number: ids are made by the ``Ids`` port.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

Json: TypeAlias = JsonValue
JsonObject: TypeAlias = dict[str, JsonValue]

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Largest integer that every JSON reader agrees on (RFC 8785 section 3.2.2.3, RFC 7493)."""

_ULID: Final = "[0-9A-HJKMNP-TV-Z]{26}"

RunId: TypeAlias = Annotated[str, StringConstraints(pattern=f"^run_{_ULID}$")]
DecisionId: TypeAlias = Annotated[str, StringConstraints(pattern=f"^dec_{_ULID}$")]
ApprovalId: TypeAlias = Annotated[str, StringConstraints(pattern=f"^apr_{_ULID}$")]
TokenId: TypeAlias = Annotated[str, StringConstraints(pattern=f"^tok_{_ULID}$")]
PrincipalId: TypeAlias = Annotated[str, StringConstraints(pattern=f"^prn_({_ULID}|root)$")]
CallId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
StepId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:/@-]{0,127}$")]
"""The name of a tool, template, server, limit or role."""
Subject: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,512}$")]
"""An identity: a SPIFFE ID, an e-mail address, an OIDC ``sub``. Visible ASCII, no spaces."""
Pointer: TypeAlias = Annotated[str, StringConstraints(pattern=r"^(/([^~/]|~[01])*)+$", max_length=256)]
"""A non-empty RFC 6901 JSON pointer."""
Digest: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hexadecimal."""
Milliseconds: TypeAlias = Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER)]
"""Integer milliseconds since the Unix epoch, UTC; or a duration, where the name says so."""


class Model(BaseModel):
    """Frozen, strict, and closed: an unknown field is refused (house style, rule 11)."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        populate_by_name=True,
        ser_json_inf_nan="strings",
        allow_inf_nan=False,
    )
