"""One byte form per JSON value (RFC 8785), and the digests that are made of it.

Everything that is hashed or compared goes through here, so that it can only be done one way.
It must not import pydantic at run time: a tool's verifier uses it without the rest of remit.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, Final, NoReturn

import rfc8785

from remit.errors import FieldError

if TYPE_CHECKING:
    from remit.model.base import Json, JsonObject

_MAX_SAFE_INTEGER: Final = 2**53 - 1
"""``model.base.MAX_SAFE_INTEGER``, which cannot be imported without pydantic; a test compares them."""

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
)


def canonical(value: Json) -> bytes:
    """``value`` in RFC 8785 form, UTF-8.

    Raises:
        FieldError: names the first member (as a JSON pointer) that has no canonical form: a number
            that is not finite, an integer beyond 2^53 - 1, or a string with a lone surrogate; or the
            root, when the value is nested too deep to be walked.
    """
    try:
        return _canonical(value)
    except RecursionError as error:
        raise FieldError("/", "nested too deep") from error


def read_object(raw: bytes | str) -> JsonObject:
    """The JSON object in ``raw``, read so that no two readers can disagree about it.

    Raises:
        FieldError: not JSON in UTF-8, not an object, a member name twice, or a number that is not finite.
    """
    try:
        # Decoded here, because json.loads would guess UTF-16 and UTF-32 where others do not.
        text = raw if isinstance(raw, str) else raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FieldError("/", "not one JSON value without repeated names") from error
    if not isinstance(value, dict):
        raise FieldError("/", "not a JSON object")
    return value


def digest(value: Json) -> str:
    """SHA-256 of the canonical form, lower-case hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def sha256(raw: bytes) -> str:
    """SHA-256 of bytes, lower-case hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def salted_hash(salt: bytes, canonical_bytes: bytes) -> str:
    """base64url SHA-256 over ``salt`` and canonical bytes: what tokens and records commit to."""
    return b64url(hashlib.sha256(salt + canonical_bytes).digest())


def b64url(raw: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def un_b64url(text: str) -> bytes:
    """The bytes of base64url without padding; ``ValueError`` for anything else."""
    if not text.isascii() or "=" in text:
        raise ValueError("not base64url without padding")
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if b64url(raw) != text:
        raise ValueError("not the canonical base64url form")
    return raw


def pointer_token(name: str) -> str:
    """``name`` as one reference token of a JSON pointer (RFC 6901 section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def _members(pairs: list[tuple[str, Any]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member name occurs twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _canonical(value: Json) -> bytes:
    try:
        return _ENCODER.encode(value).encode("utf-8") if _is_plain(value) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise FieldError(*(_offender(value, "") or ("/", "has no canonical form"))) from error


def _is_plain(value: Json) -> bool:
    """Whether the standard encoder writes ``value`` in RFC 8785 form, six times as fast.

    The two differ in numbers with fractions and in the order of names beyond ASCII, and the encoder
    knows no bounds for integers. A property test holds it to the reference implementation.
    """
    if isinstance(value, str | bool) or value is None:
        return True
    if isinstance(value, int):
        return -_MAX_SAFE_INTEGER <= value <= _MAX_SAFE_INTEGER
    if isinstance(value, dict):
        # Loops, not all(...): this runs over every member of every record.
        for name, member in value.items():  # noqa: SIM110
            if not (name.isascii() and _is_plain(member)):
                return False
        return True
    if not isinstance(value, list):
        return False
    for member in value:  # noqa: SIM110
        if not _is_plain(member):
            return False
    return True


def _offender(value: Json, path: str) -> tuple[str, str] | None:
    """The first member without a canonical form, and what is wrong with it."""
    match value:
        case bool() | None:
            return None
        case int() if abs(value) > _MAX_SAFE_INTEGER:
            return path or "/", "integer beyond 2^53 - 1; send it as a string"
        case float() if not math.isfinite(value):
            return path or "/", "not a finite number"
        case str():
            return (path or "/", "has a lone surrogate") if _has_surrogate(value) else None
        case list():
            members = (_offender(item, f"{path}/{index}") for index, item in enumerate(value))
            return next((found for found in members if found), None)
        case dict():
            for name, member in value.items():
                inner = f"{path}/{pointer_token(name)}"
                if _has_surrogate(name):
                    return inner.encode("utf-8", "replace").decode(), "name has a lone surrogate"
                if found := _offender(member, inner):
                    return found
    return None


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
