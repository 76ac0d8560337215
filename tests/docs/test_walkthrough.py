"""The README's walkthrough and docs/first-policy.md, run as printed in one shell, on other ports."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "CI" not in os.environ and not (shutil.which("bash") and shutil.which("curl")),
        reason="needs bash and curl",
    ),
]

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PRINTED_PORTS = range(8700, 8704)
DEADLINE_S = 50.0
_BLOCK = re.compile(r"^```sh\n(?P<commands>.*?)^```\n(?:\n(?P<after>→.*?)\n\n)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """Commands as printed. After ``→`` the document quotes what they print, in that order."""

    commands: str
    promised: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    return [
        Block(found["commands"], tuple(re.findall(r"`([^`]+)`", found["after"] or "")))
        for found in _BLOCK.finditer(text)
    ]


def ports_in_a_row(count: int) -> int:
    """The first of so many ports that nobody listens on just now."""
    for first in range(20_000, 32_000, count):
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no ports are free")


def on_ports(text: str, first: int) -> str:
    ported = re.sub("|".join(map(str, PRINTED_PORTS)), lambda found: str(int(found[0]) - 8700 + first), text)
    return ported.replace("remit init my-policy\n", f"remit init my-policy --port {first}\n")


def script(printed: list[Block], refund: Path, first: int) -> str:
    parts = []
    for number, block in enumerate(printed):
        if "refund.py" in block.commands:
            parts.append(f"cp {refund} refund.py")
        parts += [f"echo @@{number}", on_ports(block.commands, first).rstrip(), 'echo "@@exit $?"']
    return "\n".join(parts) + "\n"


def run(commands: str, folder: Path) -> str:
    """What bash prints; it and all that it started are gone afterwards."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REMIT_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            ["bash", "-c", commands],
            cwd=ROOT,
            env={**kept, "PATH": path, "TMPDIR": str(folder), "COLUMNS": "160"},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(DEADLINE_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return output.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def printed() -> list[Block]:
    readme = README.read_text(encoding="utf-8")
    walkthrough = readme.partition("\n## A policy of your own\n")[2].partition("\n## ")[0]
    return blocks(walkthrough) + blocks((ROOT / "docs/first-policy.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def said(printed: list[Block], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block printed."""
    folder = tmp_path_factory.mktemp("docs")
    first = ports_in_a_row(len(PRINTED_PORTS))
    (snippet,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    refund = folder / "refund.py"
    refund.write_text(on_ports(snippet, first), encoding="utf-8")
    output = run(script(printed, refund, first), folder)
    found = re.split(r"^@@\d+\n", output, flags=re.MULTILINE)[1:]
    assert len(found) == len(printed), output[-3000:]
    return found


def test_every_block_prints_what_the_document_says(printed: list[Block], said: list[str]) -> None:
    for block, output in zip(printed, said, strict=True):
        assert "@@exit 0\n" in output, f"{block.commands}\n{output}"
        at = 0
        for words in block.promised:
            at = output.find(words, at)
            assert at >= 0, f"{words!r} is not what this prints:\n{block.commands}\n{output}"
            at += len(words)


def test_the_documents_promise_every_kind_of_answer(printed: list[Block]) -> None:
    """Should the documents lose their promises, the test above would prove nothing."""
    promised = {words for block in printed for words in block.promised}
    assert {f'"decision":"{effect}"' for effect in ("permit", "deny", "hold")} <= promised
    assert {'"revoked":["tok_', "the token was revoked", "checkpoints", "nobody reviewed it"} <= promised


def test_nothing_goes_wrong_on_the_way(said: list[str]) -> None:
    for output in said:
        assert "Traceback" not in output
        assert "command not found" not in output
        assert "No such file" not in output
