"""The ``remit`` command as a process of its own, and a configuration on free ports."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from remit.cli.app import app

START_S = 20.0


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass
class Remit:
    """One folder with a configuration; commands run in it, and never see this process's settings."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REMIT_")}
        return {**kept, "COLUMNS": "160", **self.variables}

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "remit", *arguments],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr[-2000:]
        return done

    def here(self, *arguments: str, **variables: str) -> Result:
        """The same in this process, for what needs no process of its own."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("REMIT_")]:
                patch.delenv(name)
            for name, value in {**self.variables, **variables}.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            logging = structlog.get_config()  # which a command sets to streams that end with it
            done = CliRunner().invoke(app, list(arguments))
            structlog.configure(**logging)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def json(self, *arguments: str) -> Any:
        done = self.here(*arguments, "--json")
        assert done.exit_code in {0, 3}, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[0] if len(lines) == 1 else lines

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / "serve.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "remit", "serve"],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        try:
            self.until_ready(process)
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(10)

    def until_ready(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert process.poll() is None, (self.folder / "serve.log").read_text()[-2000:]
            try:
                if self.http("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError((self.folder / "serve.log").read_text()[-2000:])

    def http(self, method: str, path: str, token: str = "", body: Any = None, *, admin: bool = False):
        port = self.variables["REMIT_ADMIN__PORT" if admin else "REMIT_AGENT__PORT"]
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        request.add_header("Authorization", f"Bearer {token}")
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, data, timeout=10) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def token(self, subject: str, role: str, plane: str = "agent") -> str:
        return self.here("keys", "dev-token", subject, "--role", role, "--plane", plane).stdout.strip()


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Remit:
    agent, admin = free_ports(2)
    made = Remit(
        tmp_path_factory.mktemp("remit"),
        {"REMIT_AGENT__PORT": str(agent), "REMIT_ADMIN__PORT": str(admin)},
    )
    assert made.here("init", ".").exit_code == 0
    return made
