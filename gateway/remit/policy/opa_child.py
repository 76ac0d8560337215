"""OPA as a child process of ours, on a Unix socket in a place that only we can enter.

A process has one policy from its start to its end: another policy is another process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Final

from remit.errors import ConfigError
from remit.net.child import Process, Supervisor, run
from remit.policy.bundle import shipped_rego
from remit.policy.opa_api import Address, OpaApi, refused
from remit.ports import Activation

START_DEADLINE_S: Final = 10.0
PROBE_TIMEOUT_S: Final = 1.0


class OpaChild:
    """An OPA process with its policy."""

    def __init__(self, activation: Activation, process: Process, home: Path, api: OpaApi) -> None:
        self.activation = activation
        self.api = api
        self._process = process
        self._home = home

    @classmethod
    async def start(cls, binary: Path, activation: Activation, home: Path) -> OpaChild:
        """An OPA that answers from ``activation``, written to and listening in ``home``, which it owns.

        Raises:
            ConfigError: it does not start, or does not answer as it must.
        """
        socket = home / "opa.sock"
        argv = [str(binary), "run", "--server", "--addr", f"unix://{socket}", str(_write(home, activation))]
        argv += ["--log-level", "error", "--skip-version-check", "--unix-socket-perm", "600"]
        process = await Process.spawn(argv, environment={"HOME": str(home)})
        child = cls(activation, process, home, OpaApi(Address(socket=str(socket))))
        try:
            await child.api.wait_until_ready(START_DEADLINE_S)
            await child.api.check(activation)
        except (ConfigError, asyncio.CancelledError):
            await child.close()
            raise
        return child

    async def ended(self) -> None:
        await self._process.ended()

    async def healthy(self) -> bool:
        try:
            return await asyncio.wait_for(self.api.healthy(), PROBE_TIMEOUT_S)
        except TimeoutError:
            return False

    async def drained(self) -> None:
        await self.api.drained()

    async def close(self) -> None:
        await self.api.close()
        await self._process.close()
        shutil.rmtree(self._home, ignore_errors=True)


class Children:
    """OPA processes of ours, one in service at a time."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary.absolute()
        self._supervisor: Supervisor[OpaChild] = Supervisor()

    @property
    def current(self) -> OpaChild | None:
        return self._supervisor.current

    async def activate(self, activation: Activation) -> None:
        await _compile(self._binary, activation)
        await self._supervisor.replace(lambda: self._start(activation))

    async def close(self) -> None:
        await self._supervisor.close()

    async def _start(self, activation: Activation) -> OpaChild:
        home = Path(tempfile.mkdtemp(prefix="remit-opa-"))  # mode 0700: the socket is for us alone
        with contextlib.ExitStack() as unless_started:
            unless_started.callback(shutil.rmtree, home, ignore_errors=True)
            child = await OpaChild.start(self._binary, activation, home)
            unless_started.pop_all()
            return child


async def _compile(binary: Path, activation: Activation) -> None:
    """Have OPA check the modules, with no more built-in functions than the portable profile has.

    Raises:
        ConfigError: names file and line of the first complaint.
    """
    with tempfile.TemporaryDirectory(prefix="remit-opa-") as home:
        policy = _write(Path(home), activation)
        limits = shipped_rego() / "capabilities.json"
        argv = [str(binary), "check", "--format=json", f"--capabilities={limits}", str(policy)]
        status, said = await run(argv, timeout_s=START_DEADLINE_S)
        if status != 0:
            raise _complaint(said, f"{policy}/")


def _complaint(said: bytes, below: str) -> ConfigError:
    try:
        errors = json.loads(said)["errors"]
    except (ValueError, KeyError):
        return ConfigError("policy", "OPA cannot load it")
    error = refused(errors, "OPA cannot load it")
    return ConfigError(error.where.replace(below, ""), error.problem.replace(below, ""))


def _write(home: Path, activation: Activation) -> Path:
    """Modules and data as files below ``home``, where OPA finds them."""
    policy = home / "policy"
    for name, source in activation.modules.items():
        path = policy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    (policy / "data.json").write_text(json.dumps({"remit": activation.data}), encoding="utf-8")
    return policy
