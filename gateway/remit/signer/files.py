"""A key set as a directory: ``<kid>.pem`` (private, 0600) beside ``<kid>.json`` (its times).

The metadata is written last, so a key that another process is just making is not seen half.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from remit.errors import ConfigError
from remit.model.base import Milliseconds, Model
from remit.net import key_files
from remit.ports import KeyUse
from remit.signer.ring import Ring, SigningKey, signing_key


class _Times(Model):
    created: Milliseconds
    active_from: Milliseconds
    retired: Milliseconds | None = None


def load(directory: Path, use: KeyUse) -> Ring:
    """The keys of one set.

    Raises:
        ConfigError: a file is not what it should be; names it.
    """
    return Ring(use, [_load_key(path, use) for path in sorted(directory.glob("*.json"))])


def add(directory: Path, key: SigningKey) -> None:
    """Write a new key: the private part first, then what makes it count."""
    key_files.write_key(directory / f"{key.kid}.pem", key.private)
    write_times(directory, key)


def write_times(directory: Path, key: SigningKey) -> None:
    """Write a key's metadata, replacing what was there."""
    times = _Times(created=key.created, active_from=key.active_from, retired=key.retired)
    key_files.replace(directory / f"{key.kid}.json", times.model_dump_json(indent=1).encode())


def _load_key(path: Path, use: KeyUse) -> SigningKey:
    try:
        times = _Times.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigError(str(path), "is not {created, active_from, retired} in milliseconds") from error
    private = key_files.read_key(path.with_suffix(".pem"))
    key = signing_key(private, use, times.created, times.active_from, times.retired)
    if key.kid != path.stem:
        raise ConfigError(str(path), "is not named after its key's RFC 7638 thumbprint")
    return key
