from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import structlog

from remit.errors import TokenInvalidError
from remit.identity import DevIssuer


class ManualClock:
    ms = 1_795_284_155_250

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def dev(tmp_path: Path, clock: ManualClock) -> DevIssuer:
    return DevIssuer(tmp_path / "dev", clock)


async def test_it_says_that_it_is_unsafe(tmp_path: Path, clock: ManualClock) -> None:
    with structlog.testing.capture_logs() as logs:
        made = DevIssuer(tmp_path / "dev", clock)
    (line,) = logs
    assert line["log_level"] == "warning"
    assert "UNSAFE" in line["event"]
    assert "UNSAFE" in made.name
    assert "UNSAFE" in made.issuer
    (pem,) = (tmp_path / "dev").iterdir()
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600


async def test_what_is_minted_is_admitted_also_after_a_restart(
    dev: DevIssuer, tmp_path: Path, clock: ManualClock
) -> None:
    token = dev.mint("alice", ["user", "approver"], "admin", tenant="acme", ttl=60)
    caller = await DevIssuer(tmp_path / "dev", clock).authenticate(token, "admin")
    assert (caller.subject, caller.roles, caller.tenant) == ("alice", ("approver", "user"), "acme")
    assert (caller.issuer, caller.interactive_at) == ("UNSAFE-dev", 1_795_284_155)


async def test_its_tokens_are_for_one_plane_and_a_short_time(dev: DevIssuer, clock: ManualClock) -> None:
    token = dev.mint("alice", ["user"], "agent", ttl=60)
    with pytest.raises(TokenInvalidError, match="aud"):
        await dev.authenticate(token, "admin")
    clock.ms += 62_000
    with pytest.raises(TokenInvalidError, match="exp"):
        await dev.authenticate(token, "agent")


@pytest.mark.parametrize(
    ("subject", "roles", "plane", "tenant"),
    [
        ("", ["user"], "agent", "acme"),
        ("a b", ["user"], "agent", "acme"),
        ("alice", ["user"], "agent", "all"),
        ("alice", ["user"], "agent", ""),
        ("alice", [], "agent", "acme"),
        ("alice", ["admin"], "agent", "acme"),
        ("alice", ["agent", "approver"], "admin", "acme"),
    ],
)
async def test_even_unsafe_has_its_limits(
    dev: DevIssuer, subject: Any, roles: Any, plane: Any, tenant: Any
) -> None:
    with pytest.raises(TokenInvalidError):
        await dev.authenticate(dev.mint(subject, roles, plane, tenant), plane)


async def test_another_directory_s_tokens_are_not_its_own(
    dev: DevIssuer, tmp_path: Path, clock: ManualClock
) -> None:
    other = DevIssuer(tmp_path / "other", clock)
    with pytest.raises(TokenInvalidError, match="kid"):
        await dev.authenticate(other.mint("alice", ["user"], "agent"), "agent")
