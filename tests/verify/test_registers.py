from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.events import Floor, Revocation, RunEnded, TokenDead
from remit.errors import TokenRevokedError
from remit.verify import Grant, Registers
from remit.verify.registers import KEEP_S

GRANT = Grant(
    "tok_1", "iss", "alice", "spiffe://x/a", ("spiffe://x/b", "spiffe://x/a"), "run_1", "call", "refund",
    "crm", "acme", 7, 3, 1000.0, 1030.0,
)  # fmt: skip

KILLS = [
    TokenDead("tok_1"),
    RunEnded("run_1"),
    Floor("acme", "agent", "spiffe://x/a", 8),
    Floor("acme", "agent", "spiffe://x/b", 8),
    Floor("acme", "tool", "refund", 8),
    Floor("acme", "server", "crm", 8),
    Floor("acme", "tenant", "acme", 8),
    Floor("all", "tenant", "all", 4),
    Floor("all", "tenant", "acme", 4),
    Floor("all", "agent", "spiffe://x/a", 4),
]
SPARES = [
    TokenDead("tok_2"),
    RunEnded("run_2"),
    Floor("acme", "agent", "spiffe://x/a", 7),
    Floor("acme", "tool", "lookup", 99),
    Floor("other", "tool", "refund", 99),
    Floor("other", "tenant", "other", 99),
    Floor("all", "tenant", "all", 3),
    Floor("all", "tenant", "other", 99),
]


@pytest.mark.parametrize("kill", KILLS)
def test_what_kills_a_token(kill: Revocation) -> None:
    registers = Registers()
    registers.check(GRANT)
    registers.apply(kill)
    with pytest.raises(TokenRevokedError):
        registers.check(GRANT)


@pytest.mark.parametrize("spare", SPARES)
def test_what_spares_it(spare: Revocation) -> None:
    registers = Registers()
    registers.apply(spare)
    registers.check(GRANT)


def test_what_is_judged_after_a_kill_was_lifted_lives() -> None:
    registers = Registers()
    registers.apply(Floor("acme", "tool", "refund", 8))
    registers.check(replace(GRANT, sequence=9))


revocations = st.one_of(
    st.builds(TokenDead, st.sampled_from("abc")),
    st.builds(RunEnded, st.sampled_from("abc")),
    st.builds(
        Floor,
        st.sampled_from(["acme", "all"]),
        st.sampled_from(["agent", "tool", "server", "tenant"]),
        st.sampled_from("xy"),
        st.integers(0, 9),
    ),
)


@given(st.lists(revocations, max_size=12), st.data())
def test_order_duplicates_and_redelivery_do_not_matter(sent: list[Revocation], data: st.DataObject) -> None:
    straight, wild = Registers(), Registers()
    for revocation in sent:
        straight.apply(revocation)
    first = data.draw(st.lists(st.sampled_from(sent), max_size=20)) if sent else []  # some are lost
    for revocation in [*first, *data.draw(st.permutations(sent))]:  # and delivered again, shuffled
        wild.apply(revocation)
    assert wild.snapshot() == straight.snapshot()


def test_entries_go_when_all_that_they_killed_is_dead_and_not_before() -> None:
    now = 0.0
    registers = Registers(monotonic=lambda: now)
    registers.apply(TokenDead("tok_1"))
    now = KEEP_S - 0.1
    registers.apply(RunEnded("run_9"))
    assert len(registers.snapshot()) == 2
    now = KEEP_S
    registers.apply(RunEnded("run_9"))
    assert registers.snapshot() == {("run", "run_9"): 0}


def test_hearing_again_keeps_an_entry_longer() -> None:
    now = 0.0
    registers = Registers(monotonic=lambda: now)
    registers.apply(TokenDead("tok_1"))
    now = 20.0
    registers.apply(TokenDead("tok_1"))
    now = KEEP_S + 1
    registers.apply(RunEnded("run_9"))
    assert ("token", "tok_1") in registers.snapshot()


def test_more_than_can_be_remembered_refuses_everything_for_a_while() -> None:
    now = 0.0
    registers = Registers(monotonic=lambda: now, capacity=1)
    registers.apply(RunEnded("run_8"))
    registers.apply(RunEnded("run_9"))
    with pytest.raises(TokenRevokedError):
        registers.check(GRANT)
    now = KEEP_S
    registers.check(GRANT)
