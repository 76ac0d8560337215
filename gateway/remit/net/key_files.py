"""Private signing keys as PEM files that only their owner may read.

It must never overwrite a key, and never use one that others on the machine could have read.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from remit.errors import ConfigError

_OWNER_ONLY: Final = 0o600
_DIRECTORY: Final = 0o700


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key, for ES256."""
    return ec.generate_private_key(ec.SECP256R1())


def make_directory(path: Path) -> None:
    """``path`` as a directory that only its owner may enter; one that exists stays as it is."""
    path.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)


def write_new(path: Path, content: bytes) -> None:
    """``content`` in a new file of mode 0600, on disk before it appears under its name.

    Raises:
        ConfigError: the file is there already, or cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(partial, content)
        os.link(partial, path)  # unlike a rename, it fails when there is such a file
    except OSError as error:
        raise ConfigError(str(path), f"cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def replace(path: Path, content: bytes) -> None:
    """``content`` as the whole of the file at ``path``, in one step for every reader."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(partial, content)
        partial.replace(path)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be written: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """``key`` in a new PEM file (PKCS #8)."""
    write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The P-256 key in the PEM file at ``path``.

    Raises:
        ConfigError: others may read it, or it is not such a key.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigError(str(path), "others may read this private key; set its mode to 0600")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(str(path), "is not a readable private key in PEM form") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(str(path), "is not a P-256 key")
    return key
