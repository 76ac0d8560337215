"""What a verifier knows to be revoked. Every register only ever grows, until what it kills is dead.

So events may come late, twice or in any order: the outcome is the same. Kills compare integers,
never clocks. It must never forget a revocation while a token that it kills could pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from remit.core.events import EVERY_TENANT, Floor, Revocation, RunEnded, TokenDead
from remit.errors import TokenRevokedError
from remit.verify.token import CALL_TOKEN_TTL_S, LEEWAY_S, Grant

KEEP_S: Final = CALL_TOKEN_TTL_S + 2 * LEEWAY_S
"""After so long no token that was issued before an event can pass, whichever clock is ahead."""
MAX_ENTRIES: Final = 100_000
"""Beyond it everything is refused for ``KEEP_S``: what would have been forgotten is dead by then."""

_Place: TypeAlias = tuple[str, ...]


class Registers:
    """Dead tokens, ended runs, and floors per agent, tool, server and tenant.

    Args:
        monotonic: seconds; entries age by it, so that setting the clock forgets nothing.
        capacity: how many entries at most.
    """

    def __init__(
        self, *, monotonic: Callable[[], float] = time.monotonic, capacity: int = MAX_ENTRIES
    ) -> None:
        self._monotonic = monotonic
        self._capacity = capacity
        self._sequences: dict[_Place, int] = {}
        self._heard: dict[_Place, float] = {}  # in the order of hearing, because it is re-inserted
        self._overflowed_until = float("-inf")

    def apply(self, revocation: Revocation) -> None:
        """Remember a revocation. Doing so twice, or in another order, changes nothing."""
        self._forget()
        place, sequence = _entry(revocation)
        if place not in self._sequences and len(self._sequences) >= self._capacity:
            self._overflowed_until = self._monotonic() + KEEP_S
            return
        self._sequences[place] = max(sequence, self._sequences.get(place, 0))
        self._heard.pop(place, None)
        self._heard[place] = self._monotonic()

    def check(self, grant: Grant) -> None:
        """Refuse a token that any register kills.

        Raises:
            TokenRevokedError: says what was revoked.
        """
        if self._monotonic() < self._overflowed_until:
            raise TokenRevokedError("more was revoked than can be remembered")
        if ("token", grant.jti) in self._sequences:
            raise TokenRevokedError("the token was revoked")
        if ("run", grant.run) in self._sequences:
            raise TokenRevokedError("the run has ended")
        for place, judged_under in _floors(grant):
            if judged_under < self._sequences.get(place, 0):
                raise TokenRevokedError(f"the {place[1]} was stopped")

    def snapshot(self) -> dict[_Place, int]:
        """Every register, for comparison and for people."""
        return dict(self._sequences)

    def _forget(self) -> None:
        before = self._monotonic() - KEEP_S
        while self._heard:
            place, heard = next(iter(self._heard.items()))
            if heard > before:
                return
            del self._heard[place], self._sequences[place]


def _entry(revocation: Revocation) -> tuple[_Place, int]:
    match revocation:
        case TokenDead(jti):
            return ("token", jti), 0
        case RunEnded(sid):
            return ("run", sid), 0
        case Floor(stream, kind, name, sequence):
            return (stream, kind, name), sequence


def _floors(grant: Grant) -> Iterator[tuple[_Place, int]]:
    """Where a floor could be that kills this token, and the sequence it was judged under there.

    A kill of any agent of the delegation chain counts, not only of the one that acts now.
    """
    named = [("tool", grant.tool), ("server", grant.server), ("tenant", grant.tenant)]
    named += [("agent", agent) for agent in {grant.client_id, *grant.actors}]
    for kind, name in named:
        yield (grant.tenant, kind, name), grant.sequence
        yield (EVERY_TENANT, kind, name), grant.global_sequence
    yield (EVERY_TENANT, "tenant", EVERY_TENANT), grant.global_sequence
