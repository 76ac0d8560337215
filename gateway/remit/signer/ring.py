"""One key set over time: which key signs now, and which ones verify. Pure; time is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from remit.core.jws import ES256, Key, public_jwk
from remit.errors import ConfigError
from remit.ports import KeyUse


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its times, epoch milliseconds.

    Attributes:
        created: when it was made and published.
        active_from: from when on it signs, until a younger one does.
        retired: from when on it verifies nothing; ``None`` while no end is set.
    """

    private: EllipticCurvePrivateKey
    key: Key
    created: int
    active_from: int
    retired: int | None = None

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint, which is also its file name."""
        return str(self.key.kid)


def signing_key(
    private: EllipticCurvePrivateKey, use: KeyUse, created: int, active_from: int, retired: int | None = None
) -> SigningKey:
    """``private`` as a key of the set ``use``.

    The published form names the set (``remit_use``), so that a verifier that reads one document with
    several sets can keep them apart.
    """
    members = {**public_jwk(private.public_key()), "remit_use": use}
    key = Key(private.public_key(), members["kid"], ES256, members)
    return SigningKey(private, key, created, active_from, retired)


class Ring:
    """The keys of one set."""

    def __init__(self, use: KeyUse, keys: Iterable[SigningKey]) -> None:
        self.use = use
        self.keys = {key.kid: key for key in keys}

    def signing(self, now_ms: int) -> SigningKey:
        """The youngest key that is active; if the clock was set back before all, the oldest one.

        Raises:
            ConfigError: there is none.
        """
        current = sorted(self._current(now_ms), key=lambda key: (key.active_from, key.kid))
        active = [key for key in current if key.active_from <= now_ms]
        if not current:
            raise ConfigError(
                f"signing keys for {self.use}", "there is none; make one with: remit keys rotate"
            )
        return active[-1] if active else current[0]

    def verifying(self, kid: str, now_ms: int) -> Key | None:
        """The key of this id, unless it is retired."""
        key = self.keys.get(kid)
        return key.key if key and _is_current(key, now_ms) else None

    def jwks(self, now_ms: int) -> dict[str, Any]:
        """What is published: every key that verifies, and those that will sign soon."""
        current = sorted(self._current(now_ms), key=lambda key: key.active_from)
        return {"keys": [dict(key.key.members) for key in current]}

    def _current(self, now_ms: int) -> list[SigningKey]:
        return [key for key in self.keys.values() if _is_current(key, now_ms)]


def _is_current(key: SigningKey, now_ms: int) -> bool:
    return key.retired is None or now_ms < key.retired
