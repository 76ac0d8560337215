"""A worker whose answers are corrupted: whatever comes through the socket, nothing counts but a verdict."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket

import pytest

from remit.errors import PolicyUnavailableError
from remit.net.child import Process
from remit.policy.answer import MAX_ANSWER_BYTES
from remit.policy.embedded import Worker
from remit.policy.worker import FAILED, LENGTH, OK

GOOD_SIZE = 4096
CORRUPT = {
    "nothing": b"",
    "half a length": b"\x00\x00",
    "length zero": LENGTH.pack(0),
    "too long": LENGTH.pack(MAX_ANSWER_BYTES + 1) + b"x" * 100,
    "cut off": LENGTH.pack(100) + OK + b"{",
    "not JSON": LENGTH.pack(4) + OK + b"yes",
    "undefined": LENGTH.pack(13) + OK + b'"<undefined>"'[:12],
    "an unknown status": LENGTH.pack(3) + b"\x07{}",
    "an error": LENGTH.pack(6) + FAILED + b"fail!",
    "an empty object": LENGTH.pack(3) + OK + b"{}",
}


@pytest.mark.parametrize("corrupt", CORRUPT)
async def test_corrupt_answers_are_no_answers(corpus, corrupt) -> None:
    ours, theirs = socket.socketpair()
    process = await Process.spawn([shutil.which("sleep") or "/bin/sleep", "60"], environment={})
    worker = Worker(corpus.in_force(), process, *await asyncio.open_connection(sock=ours))
    theirs.sendall(CORRUPT[corrupt])
    theirs.shutdown(socket.SHUT_WR)
    try:
        with pytest.raises((PolicyUnavailableError, EOFError, OSError)):
            await worker.ask("run", json.dumps(corpus.run_question()).encode())
    finally:
        theirs.close()
        await worker.close()
