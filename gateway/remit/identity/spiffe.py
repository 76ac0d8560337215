"""A strict parser of SPIFFE IDs (SPIFFE-ID standard, section 2). Anything unusual is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_ID_BYTES: Final = 2048
MAX_TRUST_DOMAIN_BYTES: Final = 255

_ID: Final = re.compile(r"spiffe://([a-z0-9._-]+)((?:/[A-Za-z0-9._-]+)*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class SpiffeId:
    """A workload's (or, with an empty path, a trust domain's) identity."""

    trust_domain: str
    path: str

    def __str__(self) -> str:
        return f"spiffe://{self.trust_domain}{self.path}"


def parse(text: str) -> SpiffeId:
    """``text`` as a SPIFFE ID.

    Raises:
        ValueError: it is not one; says what is wrong in the standard's terms.
    """
    if len(text) > MAX_ID_BYTES:
        raise ValueError(f"longer than {MAX_ID_BYTES} bytes")
    match = _ID.fullmatch(text)
    if match is None:
        raise ValueError("not spiffe://, a lower-case trust domain and plain path segments")
    trust_domain, path = match.groups()
    if len(trust_domain) > MAX_TRUST_DOMAIN_BYTES:
        raise ValueError(f"trust domain longer than {MAX_TRUST_DOMAIN_BYTES} bytes")
    if any(segment in {".", ".."} for segment in path.split("/")):
        raise ValueError("path with a relative segment")
    return SpiffeId(trust_domain, path)
