"""The store that the configuration names, its value key, and the witness beside it."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from remit.config import RemitConfig
from remit.errors import ConfigError
from remit.ports import Store
from remit.store.memory import MemoryStore
from remit.store.sqlite import SqliteStore

VALUE_KEY_BYTES: Final = 32


async def open_store(config: RemitConfig) -> Store:
    """The configured store, made on first start.

    Raises:
        ConfigError: ``data`` cannot be made, or the value key is not one, or not this store's.
        StoreUnavailableError: the file cannot be made or written.
    """
    if config.store.kind == "memory":
        return MemoryStore(config.store.writer)
    data = data_folder(config)
    return await SqliteStore.open(
        data / config.store.path,
        writer=config.store.writer,
        value_key=value_key(data / "values.key"),
        synchronous=config.store.synchronous,
    )


def data_folder(config: RemitConfig) -> Path:
    """Where the log and the keys are, made on first start.

    Raises:
        ConfigError: it cannot be made.
    """
    data = config.at(config.data)
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        why = "is a file" if data.is_file() else f"cannot be made: {os.strerror(error.errno or 0)}"
        raise ConfigError("data", f"{data} {why}") from error
    return data


def value_key(path: Path) -> bytes:
    """The key under which the streams' own keys are encrypted; made on first start, mode 0600."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
    else:
        key = secrets.token_bytes(VALUE_KEY_BYTES)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
    if len(key) != VALUE_KEY_BYTES:
        raise ConfigError(str(path), f"must hold {VALUE_KEY_BYTES} bytes")
    return key


def witness_file(config: RemitConfig) -> Path:
    """Where the gateway keeps its newest checkpoint."""
    return config.at(config.data) / "witness.jws"


class FileWitness:
    """Keeps the newest checkpoint in a file; put it where the log's disk is not."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> str | None:
        """The newest checkpoint that was kept."""
        return self._path.read_text(encoding="ascii") if self._path.exists() else None

    def keep(self, jws: str) -> None:
        """Keep ``jws`` in place of the one before, whole or not at all."""
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix="witness-")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(jws)
                file.flush()
                os.fsync(descriptor)
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


class NoWitness:
    """For a log that nobody means to keep."""

    def last(self) -> str | None:
        """None was kept."""
        return None

    def keep(self, jws: str) -> None:
        """Forget it."""
