"""The moves of a run, as one table. A move that is not listed raises.

``open`` may do everything; ``suspended`` may only wind down; ``closed`` takes in the outcomes of
calls that were in flight, and nothing else; ``refused`` never began.
"""

from __future__ import annotations

from typing import Final

from remit.errors import IllegalMoveError, RunClosedError
from remit.model.run import RunStatus

MOVES: Final[dict[tuple[RunStatus | None, str], RunStatus]] = {
    (None, "run.opened"): "open",
    (None, "run.refused"): "refused",
    ("open", "principal.added"): "open",
    ("open", "plan.amended"): "open",
    ("open", "plan.refused"): "open",
    ("open", "call.decided"): "open",
    ("open", "call.sent"): "open",
    ("open", "call.settled"): "open",
    ("open", "approval.requested"): "open",
    ("open", "approval.answered"): "open",
    ("open", "approval.voided"): "open",
    ("open", "token.revoked"): "open",
    ("open", "run.suspended"): "suspended",
    ("open", "run.closed"): "closed",
    ("suspended", "call.decided"): "suspended",
    ("suspended", "call.settled"): "suspended",
    ("suspended", "token.revoked"): "suspended",
    ("suspended", "approval.voided"): "suspended",
    ("suspended", "run.closed"): "closed",
    ("closed", "call.settled"): "closed",
}


def move(status: RunStatus | None, kind: str) -> RunStatus:
    """The status after a record of ``kind``.

    Raises:
        RunClosedError: the run has ended, and this is not something that may follow.
        IllegalMoveError: there is no such move.
    """
    after = MOVES.get((status, kind))
    if after is not None:
        return after
    if status in {"closed", "refused"}:
        raise RunClosedError("the run has ended")
    raise IllegalMoveError(f"no {kind} in a run that is {status or 'not there'}")
