"""Encryption of the values beside the log: a key per stream, itself encrypted under the value key.

AES-256-GCM throughout, with a fresh random 96-bit nonce in front of each ciphertext. What a
ciphertext belongs to is authenticated with it, so neither keys nor values can be swapped. Holds no
stream's key between calls: a key that was erased is gone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from remit.core.canonical import canonical
from remit.errors import ConfigError, IntegrityError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
"""NIST SP 800-38D section 8.2.2: random nonces of 96 bits are good for 2^32 messages under one key."""


class Vault:
    """Seals and opens.

    Args:
        value_key: the key-encryption key, 32 bytes.

    Raises:
        ConfigError: it is not 32 bytes.
    """

    def __init__(self, value_key: bytes) -> None:
        if len(value_key) != KEY_BYTES:
            raise ConfigError("value_key", f"must be {KEY_BYTES} bytes")
        self._value_key = AESGCM(value_key)

    def new_key(self, stream: str) -> bytes:
        """A new random key for this stream, wrapped."""
        return _seal(self._value_key, os.urandom(KEY_BYTES), _key_of(stream))

    def seal(self, wrapped: bytes, stream: str, values: Mapping[str, bytes]) -> dict[str, bytes]:
        """The values by name, encrypted under the stream's wrapped key."""
        key = self._unwrap(wrapped, stream)
        return {name: _seal(key, value, _value_of(stream, name)) for name, value in values.items()}

    def open(self, wrapped: bytes, stream: str, sealed: Mapping[str, bytes]) -> dict[str, bytes]:
        """The values again.

        Raises:
            IntegrityError: one of them, or the key, is not what was written for this stream and name.
        """
        key = self._unwrap(wrapped, stream)
        return {name: _open(key, value, _value_of(stream, name)) for name, value in sealed.items()}

    def check(self, wrapped: bytes, stream: str) -> None:
        """Raise ``IntegrityError`` unless this is the stream's key, wrapped under our value key."""
        self._unwrap(wrapped, stream)

    def _unwrap(self, wrapped: bytes, stream: str) -> AESGCM:
        return AESGCM(_open(self._value_key, wrapped, _key_of(stream)))


def _key_of(stream: str) -> bytes:
    return canonical(["key", stream])


def _value_of(stream: str, name: str) -> bytes:
    return canonical(["value", stream, name])


def _seal(key: AESGCM, plain: bytes, belongs_to: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, belongs_to)


def _open(key: AESGCM, sealed: bytes, belongs_to: bytes) -> bytes:
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], belongs_to)
    except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
        raise IntegrityError(f"{belongs_to.decode()}: does not decrypt under the value key") from error
