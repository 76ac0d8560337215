from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from remit.errors import OverloadError, TokenInvalidError
from remit.verify import Grant, Once

GRANT = Grant(
    "tok_1", "iss", "sub", "client", (), "run", "call", "tool", "server", "acme", 1, 1, 1000.0, 1030.0
)


def test_once_means_once() -> None:
    once = Once(999.0)
    once.use(GRANT, 1000.0)
    for later in (1000.0, 1029.0, 1031.9, 1033.0):
        with pytest.raises(TokenInvalidError, match="jti"):
            once.use(GRANT, later)


def test_setting_the_clock_back_revives_nothing() -> None:
    once = Once(999.0)
    once.use(GRANT, 1000.0)
    once.use(replace(GRANT, jti="tok_2", issued_at=1040.0, expires_at=1070.0), 1040.0)
    with pytest.raises(TokenInvalidError, match="jti"):
        once.use(GRANT, 1001.0)


def test_a_restarted_verifier_refuses_what_may_have_been_used_before() -> None:
    restarted = Once(1000.001)
    with pytest.raises(TokenInvalidError, match="started"):
        restarted.use(GRANT, 1001.0)
    restarted.use(replace(GRANT, jti="tok_2", issued_at=1000.001), 1001.0)


def test_a_full_memory_refuses_and_never_forgets_early() -> None:
    once = Once(999.0, capacity=2)
    once.use(GRANT, 1000.0)
    once.use(replace(GRANT, jti="tok_2"), 1000.0)
    with pytest.raises(OverloadError):
        once.use(replace(GRANT, jti="tok_3"), 1000.0)
    with pytest.raises(TokenInvalidError):
        once.use(GRANT, 1000.0)
    once.use(replace(GRANT, jti="tok_3", issued_at=1033.0, expires_at=1063.0), 1033.0)


def test_of_many_threads_one_wins() -> None:
    once, won, barrier = Once(999.0), [], threading.Barrier(8)

    def attempt(_: Any = None) -> None:
        barrier.wait(5)
        try:
            once.use(GRANT, 1000.0)
        except TokenInvalidError:
            return
        won.append(1)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
