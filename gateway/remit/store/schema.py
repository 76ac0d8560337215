"""The tables of the SQLite store, as migrations, and the connections to them.

A migration that has been released is never edited; a change is a new one below it.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final, Literal

from sqlite_utils import Database, Migrations

from remit.errors import ConfigError

Synchronous = Literal["FULL", "NORMAL"]

DEFAULT_BUSY_TIMEOUT_MS: Final = 2_000
"""How long a transaction waits for another process's before the store counts as unavailable."""

migrations = Migrations("remit.store")


@migrations()
def m001_log(db: Database) -> None:
    """Records and the batches that committed them."""
    # AUTOINCREMENT, so that a position is never given out twice, even after the tail was deleted.
    db.execute(
        """
        CREATE TABLE records (
          position INTEGER PRIMARY KEY AUTOINCREMENT,
          stream TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, time INTEGER NOT NULL,
          hash TEXT NOT NULL, writer TEXT NOT NULL, batch INTEGER NOT NULL,
          call TEXT, ref TEXT, once TEXT, raw BLOB NOT NULL
        ) STRICT
        """
    )
    db.execute("CREATE UNIQUE INDEX records_stream ON records (stream, seq)")
    db.execute("CREATE UNIQUE INDEX records_once ON records (stream, once) WHERE once IS NOT NULL")
    db.execute("CREATE INDEX records_call ON records (call, stream) WHERE call IS NOT NULL")
    db.execute("CREATE INDEX records_ref ON records (ref) WHERE ref IS NOT NULL")
    db.execute("CREATE INDEX records_kind ON records (kind)")
    db.execute(
        """
        CREATE TABLE batches (
          writer TEXT NOT NULL, seq INTEGER NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL,
          PRIMARY KEY (writer, seq)
        ) STRICT, WITHOUT ROWID
        """
    )


@migrations()
def m002_beside_the_log(db: Database) -> None:
    """What is kept beside the log. A stream whose key is NULL was erased, for good."""
    db.execute("CREATE TABLE value_keys (stream TEXT PRIMARY KEY, wrapped BLOB) STRICT, WITHOUT ROWID")
    db.execute(
        """
        CREATE TABLE "values" (
          stream TEXT NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (stream, name)
        ) STRICT
        """
    )
    db.execute(
        "CREATE TABLE snapshots (stream TEXT PRIMARY KEY, seq INTEGER NOT NULL, body BLOB NOT NULL) STRICT"
    )


_STEPS: Final = (m001_log, m002_beside_the_log)


def create(path: Path, busy_timeout_ms: int) -> None:
    """Make the file, if there is none, and bring its tables up to date.

    Raises:
        ConfigError: a newer remit has migrated it.
        OSError, sqlite3.Error: it cannot be made or migrated.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = connect(path, busy_timeout_ms)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("BEGIN IMMEDIATE")  # one process migrates, the others wait for it
        _migrate(Database(connection), str(path))
        connection.execute("COMMIT")
    finally:
        connection.close()


def connect(path: Path, busy_timeout_ms: int) -> sqlite3.Connection:
    """A connection on which transactions are only what is written as ``BEGIN`` and ``COMMIT``."""
    connection = sqlite3.connect(
        path, timeout=busy_timeout_ms / 1000, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def writable(path: Path, synchronous: Synchronous, busy_timeout_ms: int) -> sqlite3.Connection:
    """The writer's connection. What it deletes is overwritten with zeros."""
    connection = connect(path, busy_timeout_ms)
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA secure_delete=ON")
    return connection


def read_only(path: Path, busy_timeout_ms: int) -> sqlite3.Connection:
    """A reader's connection."""
    connection = connect(path, busy_timeout_ms)
    connection.execute("PRAGMA query_only=ON")
    return connection


def _migrate(db: Database, where: str) -> None:
    if {migration.name for migration in migrations.applied(db)} - {step.__name__ for step in _STEPS}:
        raise ConfigError(where, "was written by a newer remit")
    migrations.apply(db)
