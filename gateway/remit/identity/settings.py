"""What is configured per issuer, and what it grants to whom.

A configuration that would trust more than was meant does not load: no audience, no subject
condition, a symmetric algorithm, or a pattern that matches everybody (OWASP NHI6:2025).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import re2
from pydantic import Field, StringConstraints, field_validator, model_validator

from remit.identity import spiffe
from remit.model.base import JsonObject, Model, Name
from remit.model.control import GLOBAL_TENANT
from remit.model.principal import Plane, Role

Algorithm = Literal["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]

DEFAULT_MAX_AGE_S: Final = 3600
DEFAULT_TENANT: Final = "default"


class Grant(Model):
    """What subjects of this issuer may be to the gateway.

    Attributes:
        subject: the exact ``sub``, or a pattern: ``*`` stands for characters other than ``/``,
            ``**`` for any.
        claims: top-level claims that the token must also have, with these values (or lists that
            contain them).
        roles: what that lets it be.
    """

    subject: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,512}$")]
    claims: dict[str, str | int | bool] = Field(default_factory=dict)
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]

    @field_validator("subject")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip("*/:."):
            raise ValueError("matches every subject of the issuer; name whom you mean")
        return value

    def covers(self, subject: str, claims: JsonObject) -> bool:
        """Whether this grant is for a token with this ``sub`` and these claims."""
        if re2.fullmatch(_pattern(self.subject), subject) is None:
            return False
        return all(_holds(claims.get(name), value) for name, value in self.claims.items())


def _pattern(glob: str) -> str:
    """RE2 matches in linear time, so neither pattern nor subject can make it slow."""
    anything = (re2.escape(part).replace(r"\*", "[^/]*") for part in glob.split("**"))
    return ".*".join(anything)


def _holds(claim: object, value: str | int | bool) -> bool:
    members = claim if isinstance(claim, list) else [claim]
    # True == 1 in Python; in JSON they differ.
    return any(type(member) is type(value) and member == value for member in members)


class IssuerConfig(Model):
    """One issuer whose tokens open doors.

    Attributes:
        name: how records and messages call it.
        kind: ``oidc`` for OpenID and workload OIDC issuers; ``spiffe`` for JWT-SVIDs of one trust domain.
        issuer: the exact ``iss``; for ``spiffe`` the trust domain, ``spiffe://example.org``.
        jwks_uri, jwks_file, discovery: where its keys are; exactly one of them. ``discovery`` asks the
            issuer's ``/.well-known/openid-configuration``.
        allow_http: keys may come over plain http from another machine. Unsafe outside a closed network.
        algorithms: which signatures count.
        audiences: our names in ``aud``, per plane. A plane without one admits none of its tokens.
        types: the ``typ`` header values that count; ``none`` stands for an absent one.
        grants: who may be what. Several may apply; their roles add up.
        max_age_s: a token issued longer ago no longer counts, whatever its ``exp``.
    """

    name: Name
    kind: Literal["oidc", "spiffe"] = "oidc"
    issuer: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,512}$")]
    jwks_uri: str | None = None
    jwks_file: Annotated[Path, Field(strict=False)] | None = None
    discovery: bool = False
    allow_http: bool = False
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("ES256", "RS256")
    audiences: dict[Plane, Annotated[tuple[str, ...], Field(min_length=1)]]
    types: Annotated[tuple[str, ...], Field(min_length=1)] = ("none", "JWT")
    tenant: Name = DEFAULT_TENANT
    grants: Annotated[tuple[Grant, ...], Field(min_length=1)]
    max_age_s: Annotated[int, Field(ge=1, le=86_400)] = DEFAULT_MAX_AGE_S

    @field_validator("tenant")
    @classmethod
    def _one_tenant(cls, value: str) -> str:
        if value == GLOBAL_TENANT:
            raise ValueError(f"{GLOBAL_TENANT!r} stands for every tenant")
        return value

    @field_validator("audiences")
    @classmethod
    def _own_audience_per_plane(cls, value: dict[Plane, tuple[str, ...]]) -> dict[Plane, tuple[str, ...]]:
        if not value:
            raise ValueError("name our audience for at least one plane")
        names = [name for audience in value.values() for name in audience]
        if "" in names or len(set(names)) != len(names):
            raise ValueError("each plane needs audiences of its own")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> IssuerConfig:
        if sum((self.jwks_uri is not None, self.jwks_file is not None, self.discovery)) != 1:
            raise ValueError("exactly one of jwks_uri, jwks_file and discovery says where the keys are")
        return self

    @model_validator(mode="after")
    def _one_trust_domain(self) -> IssuerConfig:
        if self.kind == "oidc":
            return self
        if spiffe.parse(self.issuer).path or self.discovery:
            raise ValueError("a spiffe issuer is a trust domain with a bundle: spiffe://example.org")
        if not all(grant.subject.startswith(f"{self.issuer}/") for grant in self.grants):
            raise ValueError(f"every grant's subject must begin with {self.issuer}/")
        return self
