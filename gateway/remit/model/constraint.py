"""Constraints on a call's arguments: which operators exist and what shape each value has.

Pure data. What an operator means is in ``core/constraints``.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import Field, StringConstraints, model_serializer, model_validator

from remit.model.base import MAX_SAFE_INTEGER, Json, Model

Number: TypeAlias = Annotated[int, Field(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)] | float
Text: TypeAlias = Annotated[str, StringConstraints(max_length=1024)]
ArgumentName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""A top-level argument's name, or an RFC 6901 pointer when it starts with ``/``."""

Source: TypeAlias = Annotated[str, StringConstraints(pattern=r"^parameters(/([^~/]|~[01])*)*$")]
"""Where a value may come from: ``parameters`` (any leaf of the intent's) or a pointer below it."""

MAX_ALTERNATIVES: Final = 256
"""How many members an ``enum``, ``any`` or list-valued operator may have."""
MAX_DEPTH: Final = 4
"""How deep ``each`` and ``any`` may nest."""

Texts: TypeAlias = Annotated[tuple[Text, ...], Field(min_length=1, max_length=MAX_ALTERNATIVES)]


class Operators(Model):
    """What one argument's value must satisfy: *all* of the operators given, and at least one is.

    Attributes:
        const: equal to this JSON value (``1`` and ``1.0`` are equal, ``true`` and ``1`` are not).
        enum: equal to one of these.
        pattern: a string of at most 8,192 characters that this RE2 expression matches from end to end.
        prefix: a string that starts with this.
        path_glob: a normal path (no ``.``, ``..``, empty or back-slashed segment) matching one of
            these globs; ``*`` stays within a segment, ``**`` crosses them.
        min, max: a number within these bounds, inclusive.
        min_length, max_length: a string (in code points) or array of this length, inclusive.
        email_domain: one e-mail address whose domain is one of these.
        url_host: an ``http(s)`` URL without userinfo whose host is one of these; ``*.x.org`` takes
            in the sub-domains of ``x.org``.
        cidr: an IP address (or network) inside one of these networks.
        each: an array of at most 1,024 elements, every one of which satisfies this.
        any: satisfies at least one of these alternatives.
        from_: equal to a value that the run's intent declares in its parameters.
    """

    const: Json = None
    enum: Annotated[tuple[Json, ...], Field(min_length=1, max_length=MAX_ALTERNATIVES)] | None = None
    pattern: Text | None = None
    prefix: Text | None = None
    path_glob: Texts | None = None
    min: Number | None = None
    max: Number | None = None
    min_length: Annotated[int, Field(ge=0)] | None = None
    max_length: Annotated[int, Field(ge=0)] | None = None
    email_domain: Texts | None = None
    url_host: Texts | None = None
    cidr: Texts | None = None
    each: Operators | None = None
    any: Annotated[tuple[Operators, ...], Field(min_length=1, max_length=MAX_ALTERNATIVES)] | None = None
    from_: Annotated[tuple[Source, ...], Field(min_length=1, max_length=16)] | None = Field(
        default=None, alias="from"
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Operators:
        if not self.model_fields_set:
            raise ValueError("names no operator; an empty constraint would admit everything")
        unset = [name for name in self.model_fields_set - {"const"} if getattr(self, name) is None]
        if unset:
            raise ValueError(f"operator {min(unset)} has no value")
        return self

    @model_serializer(mode="plain")
    def given(self) -> dict[str, object]:
        """The operators that are set, by their public names: all that is ever written down.

        ``const: null`` means something and an absent ``const`` means nothing, so neither may turn
        into the other on the way through a record.
        """
        fields = type(self).model_fields
        return {
            (field.alias or name): getattr(self, name)
            for name, field in fields.items()
            if name in self.model_fields_set
        }


Constraints: TypeAlias = Annotated[dict[ArgumentName, Operators], Field(max_length=64)]
"""By argument; every entry must hold, and an absent argument does not satisfy its entry."""


def document(constraints: Constraints) -> dict[str, Json]:
    """``constraints`` as plain JSON, only what was given: what is hashed, stored and compared."""
    return {name: operators.model_dump(mode="json") for name, operators in constraints.items()}
