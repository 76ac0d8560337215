"""Time that passes only when it is told to, and ids that are the same each time.

For replay alone: such ids and salts can be guessed.
"""

from __future__ import annotations

import hashlib
from typing import Final

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_CHARS: Final = 26
_SALT_BYTES: Final = 16


class ManualClock:
    """A ``Clock`` that stands still until it is advanced."""

    def __init__(self, start_ms: int) -> None:
        self._now_ms = start_ms
        self._elapsed_ms = 0

    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return self._now_ms

    def monotonic(self) -> float:
        """Seconds since the scenario began."""
        return self._elapsed_ms / 1000

    def seconds(self) -> float:
        """Epoch seconds, as a tool's verifier reads them."""
        return self._now_ms / 1000

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self._now_ms += milliseconds
        self._elapsed_ms += milliseconds


class CountingIds:
    """``Ids`` that count: ULIDs of the given time with a serial number where chance would be."""

    def __init__(self) -> None:
        self._serial = 0

    def new(self, prefix: str, now_ms: int) -> str:
        """The next id."""
        number = (now_ms << 80) | self._next()
        digits = (_CROCKFORD[(number >> shift) & 31] for shift in range(5 * (_ULID_CHARS - 1), -1, -5))
        return f"{prefix}_{''.join(digits)}"

    def salt(self) -> bytes:
        """The next salt."""
        return hashlib.sha256(str(self._next()).encode()).digest()[:_SALT_BYTES]

    def _next(self) -> int:
        self._serial += 1
        return self._serial
