"""Single use: a token's ``jti`` counts once per verifier.

It must never forget an id while its token could still pass: rather than that, it refuses.
"""

from __future__ import annotations

import heapq
import threading
from typing import Final

from remit.errors import OverloadError, TokenInvalidError
from remit.verify.token import LEEWAY_S, Grant

MAX_REMEMBERED: Final = 100_000
"""Ids of some 30 s; about 20 MB at most."""


class Once:
    """Remembers used tokens until they are dead. Safe to use from several threads.

    Args:
        started: epoch seconds; a token issued before is refused, since one like it may have been used
            before this verifier (re)started. Where the gateway's clock may run ahead of this
            machine's, add by how much.
        capacity: how many ids at most.
        leeway: as in the check of ``exp``, seconds.
    """

    def __init__(self, started: float, *, capacity: int = MAX_REMEMBERED, leeway: float = LEEWAY_S) -> None:
        self._started = started
        self._capacity = capacity
        self._leeway = leeway
        self._used: set[str] = set()
        self._ends: list[tuple[float, str]] = []
        self._forgotten_to = float("-inf")
        self._lock = threading.Lock()

    def use(self, grant: Grant, now: float) -> None:
        """Mark a token, which has passed every other check, as used.

        Raises:
            TokenInvalidError: it was used before, or may have been.
            OverloadError: no more can be remembered until some are dead.
        """
        end = grant.expires_at + self._leeway
        with self._lock:
            self._forget(now)
            if grant.issued_at < self._started:
                raise TokenInvalidError("iat: issued before this verifier started")
            # If the clock was set back, a token may look alive whose use is forgotten.
            if grant.jti in self._used or end <= self._forgotten_to:
                raise TokenInvalidError("jti: used before")
            if len(self._used) >= self._capacity:
                raise OverloadError("too many tokens used at once")
            self._used.add(grant.jti)
            heapq.heappush(self._ends, (end, grant.jti))

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            end, jti = heapq.heappop(self._ends)
            self._used.discard(jti)
            self._forgotten_to = max(self._forgotten_to, end)
