"""The system's clock and randomness, behind the ``Clock`` and ``Ids`` ports."""

from __future__ import annotations

import secrets
import time
from typing import Final

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_CHARS: Final = 26


class SystemClock:
    """Wall time from the system, monotonic time from the process."""

    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class RandomIds:
    """ULIDs with 80 random bits, and random salts."""

    def new(self, prefix: str, now_ms: int) -> str:
        """A prefixed ULID (github.com/ulid/spec): 48 bits of time, 80 random bits."""
        number = (now_ms << 80) | secrets.randbits(80)
        digits = (_CROCKFORD[(number >> shift) & 31] for shift in range(5 * (_ULID_CHARS - 1), -1, -5))
        return f"{prefix}_{''.join(digits)}"

    def salt(self) -> bytes:
        """Sixteen random bytes."""
        return secrets.token_bytes(16)
