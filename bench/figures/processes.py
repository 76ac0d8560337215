"""Processes of their own for everything that is measured, where they run, and what they burn. Linux only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from remit.net.processes import python_process

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PPID, _UTIME, _STIME = 1, 11, 12
"""Fields of ``/proc/PID/stat`` after the command's name (proc_pid_stat(5))."""


class BenchError(Exception):
    """The bench cannot go on: its figures would not mean what they say."""


@contextmanager
def on(cpus: set[int]) -> Iterator[None]:
    """What is started within runs on these processors, with all that it starts in turn."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@asynccontextmanager
async def process(
    arguments: list[str], log: Path, cpus: set[int], environment: dict[str, str] | None = None
) -> AsyncIterator[int]:
    """A Python process on these processors, by its id; stopped on leaving."""
    async with AsyncExitStack() as stack:
        with on(cpus):
            child = await stack.enter_async_context(python_process(arguments, log, environment))
        yield child.pid


def cpu_seconds(root: int) -> float:
    """What a process and all its living descendants have used so far, user and system."""
    processes = dict(_stats())
    total, tree = 0, {root}
    while tree:
        total += sum(processes[pid][1] for pid in tree if pid in processes)
        tree = {pid for pid, (parent, _) in processes.items() if parent in tree}
    return total / _TICKS_PER_S


def _stats() -> Iterator[tuple[int, tuple[int, int]]]:
    """Every process: its id, its parent's, and the clock ticks that it has used."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            yield int(folder.name), (int(fields[_PPID]), int(fields[_UTIME]) + int(fields[_STIME]))
