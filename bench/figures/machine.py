"""What the figures were measured on: without it they mean nothing."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Final

from remit import __version__

SYNCS: Final = 200
PAGE_BYTES: Final = 4096
_LIBRARIES: Final = ("aiohttp", "uvloop", "pydantic", "gordon-to-regorus")
_POLICIES: Final = {os.SCHED_OTHER: "normal", os.SCHED_FIFO: "FIFO", os.SCHED_RR: "round robin"}


@dataclass(frozen=True)
class Facts:
    """The machine, the versions and the settings.

    Attributes:
        sync_ms: median of writing a page and ``fdatasync``, where the log is.
        load_before: the machine's load average before the bench began.
        gateway_cpus, other_cpus: where the gateway under test, and where tool and client ran.
    """

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    versions: dict[str, str]
    scheduling: str
    gateway_cpus: list[int]
    other_cpus: list[int]
    load_before: float
    sync_ms: float
    store: str = "SQLite, synchronous=FULL, two appends per call"

    def sentence(self) -> str:
        """For people."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        place = (
            "the gateway with all its children on one core, tool and client on the others"
            if self.gateway_cpus != self.other_cpus
            else "everything on the same cores"
        )
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gib:.0f} GiB, Linux {self.kernel}; "
            f"Python {self.python}, {versions}. Store: {self.store} (write and fdatasync: "
            f"{self.sync_ms:.2f} ms at p50). uvloop throughout; {place}; {self.scheduling} scheduling; "
            f"load average before: {self.load_before:.1f}."
        )


def facts(folder: Path, opa: Path, gateway_cpus: set[int], other_cpus: set[int]) -> Facts:
    """What is so here and now; ``folder`` is where the log will be."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Facts(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gib=memory,
        kernel=platform.release(),
        python=platform.python_version(),
        versions={"remit": __version__, **{name: version(name) for name in _LIBRARIES}, "OPA": _opa(opa)},
        scheduling=_POLICIES.get(os.sched_getscheduler(0), "other"),
        gateway_cpus=sorted(gateway_cpus),
        other_cpus=sorted(other_cpus),
        load_before=os.getloadavg()[0],
        sync_ms=_sync_ms(folder),
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _opa(binary: Path) -> str:
    said = subprocess.run([binary, "version"], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0].partition(":")[2].strip()


def _sync_ms(folder: Path) -> float:
    took: list[float] = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            started = perf_counter()
            file.write(bytes(PAGE_BYTES))
            os.fdatasync(file.fileno())
            took.append(perf_counter() - started)
    return statistics.median(took) * 1000
