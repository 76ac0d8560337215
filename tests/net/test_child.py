"""Children are started, watched, replaced and never left behind."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from remit.errors import ConfigError, PolicyUnavailableError
from remit.net import child
from remit.net.child import Process, Supervisor, run

SLEEP = [shutil.which("sleep") or "/bin/sleep", "60"]


class Sleeper:
    """A process that does nothing, with a health that a test can take away."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.well = True

    @classmethod
    async def start(cls) -> Sleeper:
        return cls(await Process.spawn(SLEEP, environment={}))

    async def ended(self) -> None:
        await self.process.ended()

    async def healthy(self) -> bool:
        return self.well

    async def drained(self) -> None:
        pass

    async def close(self) -> None:
        await self.process.close()


@pytest.fixture
async def supervisor(monkeypatch):
    monkeypatch.setattr(child, "PROBE_INTERVAL_S", 0.05)
    monkeypatch.setattr(child, "FIRST_BACKOFF_S", 0.01)
    made: Supervisor[Sleeper] = Supervisor()
    yield made
    await made.close()


async def _until(condition) -> None:
    for _ in range(300):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("never came true")


async def test_a_child_that_ends_is_replaced(supervisor) -> None:
    await supervisor.replace(Sleeper.start)
    first = supervisor.current
    first.process.kill()
    await _until(lambda: supervisor.current not in {None, first})


async def test_a_child_that_is_unwell_is_replaced(supervisor) -> None:
    await supervisor.replace(Sleeper.start)
    first = supervisor.current
    first.well = False
    await _until(lambda: supervisor.current not in {None, first})
    assert not first.process.alive


async def test_a_replacement_that_does_not_start_changes_nothing(supervisor) -> None:
    async def broken() -> Sleeper:
        raise ConfigError("x", "y")

    await supervisor.replace(Sleeper.start)
    first = supervisor.current
    with pytest.raises(ConfigError):
        await supervisor.replace(broken)
    assert supervisor.current is first
    first.process.kill()
    await _until(lambda: supervisor.current not in {None, first})


async def test_restarting_is_tried_again_and_slower(supervisor) -> None:
    attempts: list[float] = []

    async def flaky() -> Sleeper:
        attempts.append(asyncio.get_running_loop().time())
        if 1 < len(attempts) < 5:
            raise PolicyUnavailableError("not yet")
        return await Sleeper.start()

    await supervisor.replace(flaky)
    supervisor.current.process.kill()
    await _until(lambda: len(attempts) == 5 and supervisor.current is not None)
    waits = [later - earlier for earlier, later in itertools.pairwise(attempts[1:])]
    assert waits == sorted(waits)


async def test_a_child_sees_none_of_our_environment(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    script = f"import os; open({str(tmp_path / 'env')!r}, 'w').write(repr(dict(os.environ)))"
    process = await Process.spawn([sys.executable, "-c", script], environment={"OWN": "1"})
    await process.ended()
    seen = (tmp_path / "env").read_text()
    assert "SECRET_TOKEN" not in seen
    assert "OWN" in seen


async def test_what_cannot_be_executed_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="not an executable"):
        await Process.spawn(["/does/not/exist"], environment={})


async def test_run_to_the_end() -> None:
    assert await run([sys.executable, "-c", "import sys; sys.exit('no')"], timeout_s=10) == (1, b"no\n")
    with pytest.raises(ConfigError, match="did not end"):
        await run(SLEEP, timeout_s=0.1)


async def test_a_child_that_ignores_us_is_killed(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(child, "GRACE_S", 0.2)
    ready = tmp_path / "ready"
    script = "import signal,time,pathlib,sys; signal.signal(15, signal.SIG_IGN); "
    script += "pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
    process = await Process.spawn([sys.executable, "-c", script, str(ready)], environment={})
    await _until(ready.exists)
    await process.close()
    assert not process.alive


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
async def test_our_own_sudden_death_leaves_no_orphan(tmp_path) -> None:
    script = textwrap.dedent(
        f"""
        import asyncio, sys
        from remit.net.child import Process
        async def main():
            process = await Process.spawn({SLEEP!r}, environment={{}})
            await asyncio.sleep(0.3)
            print(process.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
        """
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    orphan = int(await parent.stdout.readline())
    assert _running(orphan)
    parent.kill()
    await parent.wait()
    await _until(lambda: not _running(orphan))


def _running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
