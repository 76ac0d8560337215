"""Signed tokens as bytes: read the header, check the signature, hand out the claims. Pure.

Every token kind goes through here with its own rule. It must never choose an algorithm or a key by
what the token says about itself: the rule names the algorithms, and the key must fit (RFC 8725).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from remit.core.canonical import b64url, canonical, read_object, un_b64url
from remit.errors import FieldError, TokenInvalidError

if TYPE_CHECKING:
    from remit.model.base import JsonObject

PublicKey: TypeAlias = EllipticCurvePublicKey | RSAPublicKey

ES256: Final = "ES256"
SECURITY_EVENT: Final = "secevent+jwt"
"""The ``typ`` of a security event token (RFC 8417 section 2.3)."""
ALGORITHMS: Final = frozenset(
    f"{family}{size}" for family in ("ES", "RS", "PS") for size in ("256", "384", "512")
)
"""Every algorithm that any rule may allow: asymmetric ones that PyJWT and SPIFFE both know."""
MAX_TOKEN_BYTES: Final = 16_384
"""A longer token is refused unread; ours have about 1,200 bytes, cloud issuers' up to a few thousand."""
MIN_RSA_BITS: Final = 2048
"""NIST SP 800-131A; shorter RSA keys are ignored."""

_OWN_HEADER: Final = frozenset({"alg", "typ", "kid"})
_CURVES: Final = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_JWS: Final = jwt.PyJWS(algorithms=sorted(ALGORITHMS))


@dataclass(frozen=True, slots=True)
class Rule:
    """What the header of one token kind may say.

    Attributes:
        algorithms: the allow-list.
        types: the ``typ`` values; ``None`` stands for an absent one.
        closed: take ``typ`` to the letter, and refuse every header parameter but ``alg``, ``typ`` and
            ``kid``. When open, ``types`` are lower case and the case of ``typ`` does not matter (RFC 7515
            section 4.1.9); other parameters are ignored, never followed, but ``crit`` is still refused.
        needs_kid: whether the token must name its key.
    """

    algorithms: frozenset[str]
    types: frozenset[str | None]
    closed: bool = True
    needs_kid: bool = True


@dataclass(frozen=True, slots=True)
class Header:
    """The parts of a header that anybody may act on, already checked against a rule."""

    alg: str
    kid: str | None


@dataclass(frozen=True, slots=True)
class Key:
    """A public key as published.

    Attributes:
        alg: the one algorithm it is for, when its publisher says so.
        members: the JWK as it was published.
    """

    public: PublicKey
    kid: str | None
    alg: str | None
    members: Mapping[str, Any]

    def fits(self, alg: str) -> bool:
        """Whether this key can check a signature of this algorithm: type, curve and declared ``alg``."""
        if self.alg is not None and self.alg != alg:
            return False
        if isinstance(self.public, RSAPublicKey):
            return alg[:2] in {"RS", "PS"}
        return self.public.curve.name == _CURVES.get(alg)


def own_rule(typ: str) -> Rule:
    """The rule of the gateway's own tokens of this ``typ``: ES256, a ``kid``, nothing else."""
    return Rule(frozenset({ES256}), frozenset({typ}))


def read_header(token: str, rule: Rule) -> Header:
    """The header of ``token``, if ``rule`` admits it. Nothing is proven yet.

    Raises:
        TokenInvalidError: names the parameter that the rule does not admit.
    """
    if len(token) > MAX_TOKEN_BYTES or not token.isascii() or token.count(".") != 2:
        raise TokenInvalidError("not a JWT in compact form")
    try:
        header = read_object(un_b64url(token.partition(".")[0]))
    except (FieldError, ValueError) as error:
        raise TokenInvalidError("header: not JSON in base64url") from error
    alg, typ, kid = header.get("alg"), header.get("typ"), header.get("kid")
    if not isinstance(alg, str) or alg not in rule.algorithms:
        raise TokenInvalidError("alg: not allowed for this kind of token")
    if isinstance(typ, str) and not rule.closed:
        typ = typ.lower()
    if not (typ is None or isinstance(typ, str)) or typ not in rule.types:
        raise TokenInvalidError("typ: not this kind of token")
    if (kid is None and rule.needs_kid) or not (kid is None or isinstance(kid, str)):
        raise TokenInvalidError("kid: missing, or not a string")
    if "crit" in header or "b64" in header or (rule.closed and not header.keys() <= _OWN_HEADER):
        raise TokenInvalidError("header: has a parameter that this kind of token may not have")
    return Header(alg, kid)


def check_signature(token: str, header: Header, key: Key) -> JsonObject:
    """The claims of ``token``, signed with ``key``. Neither time nor audience is checked.

    Raises:
        TokenInvalidError: the key does not fit, the signature is wrong, or the payload is no object.
    """
    if not key.fits(header.alg):
        raise TokenInvalidError("alg: the key is not for this algorithm")
    try:
        payload = _JWS.decode(token, key.public, algorithms=[header.alg])
        return read_object(payload)
    except (jwt.InvalidTokenError, jwt.InvalidKeyError, FieldError) as error:
        raise TokenInvalidError("signature: does not verify") from error


def open_own(token: str, typ: str, key: Callable[[str], Key | None]) -> JsonObject:
    """The claims of one of the gateway's own tokens.

    Args:
        token: in compact form.
        typ: exactly which kind.
        key: finds a key by ``kid``, among those of the right key set only.

    Raises:
        TokenInvalidError: names the failing check.
    """
    header = read_header(token, own_rule(typ))
    found = key(header.kid or "")
    if found is None:
        raise TokenInvalidError("kid: not a key of this set")
    return check_signature(token, header, found)


def read_key(jwk: Mapping[str, Any]) -> Key | None:
    """The key in one JWK, or ``None`` when it is not one that may check signatures here.

    Symmetric, private, short, encryption-only and unknown keys are passed over, as RFC 7517 section 5
    asks, so that one odd key does not make a set useless.
    """
    alg, kid, operations = jwk.get("alg"), jwk.get("kid"), jwk.get("key_ops")
    if (alg is not None and alg not in ALGORITHMS) or not (kid is None or isinstance(kid, str)):
        return None
    if "d" in jwk or (operations is not None and "verify" not in operations):
        return None
    try:
        public = _public(dict(jwk))
    except (jwt.InvalidKeyError, TypeError, ValueError):
        return None
    return None if public is None else Key(public, kid, alg, jwk)


def _public(jwk: dict[str, Any]) -> PublicKey | None:
    match jwk.get("kty"):
        case "EC":
            key = ECAlgorithm.from_jwk(jwk)
            return key if isinstance(key, EllipticCurvePublicKey) else None
        case "RSA":
            rsa = RSAAlgorithm.from_jwk(jwk)
            return rsa if isinstance(rsa, RSAPublicKey) and rsa.key_size >= MIN_RSA_BITS else None
        case _:
            return None


def public_jwk(public: EllipticCurvePublicKey) -> dict[str, str]:
    """The P-256 key as a JWK with its RFC 7638 thumbprint as ``kid``."""
    point = public.public_numbers()
    required = {
        "crv": "P-256",
        "kty": "EC",
        "x": b64url(point.x.to_bytes(32, "big")),
        "y": b64url(point.y.to_bytes(32, "big")),
    }
    kid = b64url(hashlib.sha256(canonical(dict(required))).digest())
    return {**required, "kid": kid, "use": "sig", "alg": ES256}
