"""Every pair of status and kind: a listed move moves, any other raises."""

from typing import get_args

import pytest

from remit.core.chain import BODIES
from remit.core.lifecycle import MOVES, move
from remit.errors import IllegalMoveError, RunClosedError
from remit.model.records import run
from remit.model.run import RunStatus

STATUSES: list[RunStatus | None] = [None, *get_args(RunStatus)]
KINDS = sorted(BODIES)

OPEN_ONLY = {"principal.added", "plan.amended", "plan.refused", "call.sent"}
OPEN_ONLY |= {"approval.requested", "approval.answered", "run.suspended"}
WIND_DOWN = {"call.decided", "call.settled", "token.revoked", "approval.voided", "run.closed"}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_pair(status: RunStatus | None, kind: str) -> None:
    if (status, kind) in MOVES:
        assert move(status, kind) == MOVES[status, kind]
    else:
        error = RunClosedError if status in {"closed", "refused"} else IllegalMoveError
        with pytest.raises(error):
            move(status, kind)


def test_the_table_says_what_its_rules_say() -> None:
    listed = {status: {kind for s, kind in MOVES if s == status} for status in STATUSES}
    assert listed == {
        None: {"run.opened", "run.refused"},
        "open": OPEN_ONLY | WIND_DOWN,
        "suspended": WIND_DOWN,
        "closed": {"call.settled"},
        "refused": set(),
    }


def test_nothing_reopens_a_run() -> None:
    ranks = {None: 0, "open": 1, "suspended": 2, "closed": 3, "refused": 3}
    assert all(ranks[after] >= ranks[before] for (before, _), after in MOVES.items())


def test_only_kinds_of_the_run_tree_move_a_run() -> None:
    bodies = {kind for kind, body in BODIES.items() if body.__module__ == run.__name__}
    assert {kind for _, kind in MOVES} == bodies
