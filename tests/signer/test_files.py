from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest

from remit.errors import ConfigError, TokenInvalidError
from remit.signer import DEFAULT_JWKS_CACHE_S, RELOAD_CHECK_S, FileSigner

SWITCH_S = 2 * DEFAULT_JWKS_CACHE_S
OLD_UNTIL_S = SWITCH_S + 3600 + 2


@dataclass
class ManualClock:
    ms: int = 1_795_284_155_250
    ticks: float = 0.0

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ticks

    def advance(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)
        self.ticks += seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def kids(signer: FileSigner, use: Any = "access") -> list[str]:
    published: Any = signer.jwks(use)["keys"]
    return [key["kid"] for key in published]


async def signing_kid(signer: FileSigner, use: Any = "access") -> str:
    token = await signer.sign(use, "t", {})
    return next(kid for kid in kids(signer, use) if _header(token)["kid"] == kid)


def _header(token: str) -> Any:
    return jwt.get_unverified_header(token)


async def test_first_start_makes_keys_that_sign_at_once_and_stay(tmp_path: Path, clock: ManualClock) -> None:
    first = FileSigner(tmp_path, clock)
    token = await first.sign("access", "t", {"a": 1})
    again = FileSigner(tmp_path, clock)
    assert again.verify("access", "t", token) == {"a": 1}
    for use in ("access", "events", "checkpoints"):
        assert kids(again, use) == kids(first, use)
        (pem,) = (tmp_path / use).glob("*.pem")
        assert stat.S_IMODE(pem.stat().st_mode) == 0o600
        assert pem.stem == kids(first, use)[0]
        assert json.loads(pem.with_suffix(".json").read_text()) == {
            "created": clock.ms,
            "active_from": clock.ms,
            "retired": None,
        }


async def test_a_rotated_key_is_published_before_it_signs(tmp_path: Path, clock: ManualClock) -> None:
    signer = FileSigner(tmp_path, clock)
    old_token, (old,) = await signer.sign("access", "t", {}), kids(signer)
    new = signer.rotate("access")
    assert kids(signer) == [old, new]
    clock.advance(SWITCH_S - 0.001)
    assert await signing_kid(signer) == old
    clock.advance(0.001)
    assert await signing_kid(signer) == new
    clock.advance(3601.999)
    assert signer.verify("access", "t", old_token) == {}
    clock.advance(0.001)
    assert kids(signer) == [new]
    with pytest.raises(TokenInvalidError, match="kid"):
        signer.verify("access", "t", old_token)


async def test_checkpoint_keys_verify_for_ever(tmp_path: Path, clock: ManualClock) -> None:
    signer = FileSigner(tmp_path, clock)
    token, (old,) = await signer.sign("checkpoints", "t", {}), kids(signer, "checkpoints")
    new = signer.rotate("checkpoints")
    clock.advance(10 * 365 * 86_400)
    assert await signing_kid(signer, "checkpoints") == new
    assert kids(signer, "checkpoints") == [old, new]
    assert signer.verify("checkpoints", "t", token) == {}


async def test_rotating_twice_never_leaves_nobody_to_sign(tmp_path: Path, clock: ManualClock) -> None:
    signer = FileSigner(tmp_path, clock)
    for _ in range(30):
        signer.rotate("access")
        assert await signer.sign("access", "t", {})
        clock.advance(SWITCH_S / 3)
    clock.advance(OLD_UNTIL_S)
    assert len(kids(signer)) == 1
    assert await signer.sign("access", "t", {})


async def test_another_process_s_rotation_takes_effect(tmp_path: Path, clock: ManualClock) -> None:
    running, command = FileSigner(tmp_path, clock), FileSigner(tmp_path, clock)
    new = command.rotate("access")
    assert new not in kids(running)
    clock.advance(RELOAD_CHECK_S)
    assert new in kids(running)
    clock.advance(SWITCH_S)
    token = await command.sign("access", "t", {})
    assert running.verify("access", "t", token) == {}
    assert await signing_kid(running) == new


async def test_a_broken_file_stops_a_start_but_not_a_running_gateway(
    tmp_path: Path, clock: ManualClock
) -> None:
    running = FileSigner(tmp_path, clock)
    (tmp_path / "access" / "odd.json").write_text("{")
    clock.advance(RELOAD_CHECK_S)
    assert await running.sign("access", "t", {})
    with pytest.raises(ConfigError, match=r"odd\.json"):
        FileSigner(tmp_path, clock)


def test_keys_that_others_can_read_or_that_are_misnamed_are_refused(
    tmp_path: Path, clock: ManualClock
) -> None:
    FileSigner(tmp_path, clock)
    (pem,) = (tmp_path / "events").glob("*.pem")
    pem.chmod(0o644)
    with pytest.raises(ConfigError, match="0600"):
        FileSigner(tmp_path, clock)
    pem.chmod(0o600)
    pem.with_suffix(".json").rename(pem.with_name("other.json"))
    pem.rename(pem.with_name("other.pem"))
    with pytest.raises(ConfigError, match="thumbprint"):
        FileSigner(tmp_path, clock)


def test_half_a_key_is_not_seen(tmp_path: Path, clock: ManualClock) -> None:
    signer = FileSigner(tmp_path, clock)
    (pem,) = (tmp_path / "access").glob("*.pem")
    pem.with_name("half.pem").write_bytes(pem.read_bytes())
    assert kids(FileSigner(tmp_path, clock)) == kids(signer)


async def test_a_clock_that_is_set_back_does_not_stop_it(tmp_path: Path, clock: ManualClock) -> None:
    signer = FileSigner(tmp_path, clock)
    (old,) = kids(signer)
    signer.rotate("access")
    clock.ms -= 3_600_000
    assert await signing_kid(signer) == old


async def test_without_a_key_nothing_is_signed(tmp_path: Path, clock: ManualClock) -> None:
    signer = FileSigner(tmp_path, clock)
    for path in (tmp_path / "access").iterdir():
        path.unlink()
    clock.advance(RELOAD_CHECK_S)
    with pytest.raises(ConfigError, match="rotate"):
        await signer.sign("access", "t", {})
