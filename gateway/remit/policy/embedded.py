"""The embedded engine: Regorus in a child process, asked one question at a time under a hard deadline.

It must never evaluate policy in this process: Regorus holds the GIL, and recursion crashes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import sys
from typing import Final

from pydantic import ValidationError

from remit.errors import ConfigError, PolicyUnavailableError
from remit.model.decision import EngineRef, Question, Verdict
from remit.model.question import QuestionDocument
from remit.net.child import Process, Supervisor
from remit.policy.answer import (
    DEADLINE_S,
    MAX_ANSWER_BYTES,
    MAX_OUTSTANDING,
    accept,
    bare_verdict,
    question_bytes,
    warm_up,
)
from remit.policy.bundle import QUESTIONS
from remit.policy.worker import LENGTH, OK
from remit.ports import Activation

LOAD_DEADLINE_S: Final = 10.0
"""How long a worker may take to start, load the policy and answer its first questions."""

_PLACE: Final = re.compile(r"--> (\S+?:\d+):\d+[\s\S]*?error: (.+)")


class Worker:
    """One child process with one policy, which answers one question at a time."""

    def __init__(
        self,
        activation: Activation,
        process: Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.activation = activation
        self._process = process
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, activation: Activation) -> Worker:
        """A worker that has loaded and tried ``activation``.

        Raises:
            ConfigError: the policy does not load, or does not answer as it must.
        """
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            argv = [sys.executable, "-I", "-m", "remit.policy.worker", str(theirs.fileno())]
            quiet = {"RUST_BACKTRACE": "0"}
            process = await Process.spawn(argv, environment=quiet, pass_fds=[theirs.fileno()])
            worker = cls(activation, process, *await asyncio.open_connection(sock=ours))
            undo.pop_all()
        try:
            async with asyncio.timeout(LOAD_DEADLINE_S):
                await worker._load()
        except (OSError, EOFError) as error:  # a timeout is an OSError too
            await worker.close()
            raise ConfigError("policy", "crashed or stalled the embedded engine while loading") from error
        except (ConfigError, asyncio.CancelledError):
            await worker.close()
            raise
        return worker

    async def ask(self, question: Question, document: bytes) -> Verdict:
        """The verdict on one question.

        Raises:
            PolicyUnavailableError: the engine answered, but not with a verdict that counts.
            OSError, EOFError: the worker is gone.
        """
        status, answer = await self._exchange(bytes([QUESTIONS.index(question)]) + document)
        if status != OK:
            raise PolicyUnavailableError("the rules cannot be evaluated on this question")
        try:
            return accept(bare_verdict(answer), self.activation, question)
        except ValidationError:
            raise PolicyUnavailableError("the engine's answer is not of the agreed shape") from None

    async def ended(self) -> None:
        await self._process.ended()

    async def healthy(self) -> bool:
        return self._process.alive

    async def drained(self) -> None:
        await self._turn.acquire()

    def kill(self) -> None:
        """End it now, whatever it is doing."""
        self._process.kill()

    async def close(self) -> None:
        self._process.kill()
        await self._process.ended()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _load(self) -> None:
        bundle = {
            "modules": dict(self.activation.modules),
            "data": self.activation.data,
            "trial": warm_up("call").model_dump(mode="json"),
        }
        status, message = await self._exchange(json.dumps(bundle, allow_nan=False).encode())
        if status != OK:
            raise _refused(message.decode(errors="replace"))
        for question in QUESTIONS:
            await self._try(question)

    async def _try(self, question: Question) -> None:
        """Unknown functions and type errors only surface when rules are evaluated."""
        status, answer = await self._exchange(
            bytes([QUESTIONS.index(question)]) + question_bytes(warm_up(question))
        )
        if status != OK:
            raise _refused(answer.decode(errors="replace"))
        try:
            accept(bare_verdict(answer), self.activation, question)
        except (ValidationError, PolicyUnavailableError) as error:
            raise ConfigError(f"policy for {question}", "gives no answer that counts") from error

    async def _exchange(self, frame: bytes) -> tuple[bytes, bytes]:
        async with self._turn:
            if self._writer.is_closing():
                raise EOFError  # uvloop's write would raise a RuntimeError, which ends the engine for good
            self._writer.write(LENGTH.pack(len(frame)) + frame)
            await self._writer.drain()
            (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            if not 0 < length <= MAX_ANSWER_BYTES:
                raise EOFError
            answer = await self._reader.readexactly(length)
        return answer[:1], answer[1:]


class EmbeddedEngine:
    """``PolicyEngine`` on Regorus. Questions queue fairly and in bounded number."""

    def __init__(self, *, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._supervisor: Supervisor[Worker] = Supervisor()
        self._activation: Activation | None = None
        self._waiting: asyncio.Queue[_Asked] = asyncio.Queue(MAX_OUTSTANDING)
        self._server: asyncio.Task[None] | None = None

    async def activate(self, activation: Activation) -> None:
        await self._supervisor.replace(lambda: Worker.start(activation))
        self._activation = activation
        if self._server is None:
            self._server = asyncio.create_task(self._serve())

    async def decide(self, document: QuestionDocument) -> Verdict:
        asked = _Asked(document.question, question_bytes(document))
        try:
            self._waiting.put_nowait(asked)
            async with asyncio.timeout(self._deadline_s):
                return await asked.verdict
        except asyncio.QueueFull:
            raise PolicyUnavailableError("too many questions are waiting for the policy engine") from None
        except TimeoutError:
            raise PolicyUnavailableError("the policy engine did not answer in time") from None

    def reference(self) -> EngineRef:
        active = self._activation
        if active is None:
            return EngineRef(name="embedded", revision="none")
        return EngineRef(
            name="embedded",
            revision=active.revision,
            policy_digest=active.policy_digest,
            data_digest=active.data_digest,
        )

    async def healthy(self) -> bool:
        try:
            await self.decide(warm_up("run"))
        except PolicyUnavailableError:
            return False
        return True

    async def close(self) -> None:
        if self._server is not None:
            self._server.cancel()
            await asyncio.gather(self._server, return_exceptions=True)
        await self._supervisor.close()

    async def _serve(self) -> None:
        while True:
            asked = await self._waiting.get()
            if not asked.verdict.done():
                await self._answer(asked)

    async def _answer(self, asked: _Asked) -> None:
        """One question to the worker, in full or not at all, whether or not its asker still waits."""
        worker = self._supervisor.current
        try:
            if worker is None:
                raise PolicyUnavailableError("the policy engine is starting")
            async with asyncio.timeout(self._deadline_s):
                asked.settle(await worker.ask(asked.question, asked.document))
        except PolicyUnavailableError as error:
            asked.settle(error)
        except (OSError, EOFError, TimeoutError):
            if worker is not None:
                worker.kill()
            asked.settle(PolicyUnavailableError("the policy engine crashed or stalled"))


class _Asked:
    """A question on its way, and where its verdict goes."""

    def __init__(self, question: Question, document: bytes) -> None:
        self.question = question
        self.document = document
        self.verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

    def settle(self, outcome: Verdict | PolicyUnavailableError) -> None:
        if self.verdict.done():
            return
        if isinstance(outcome, Verdict):
            self.verdict.set_result(outcome)
        else:
            self.verdict.set_exception(outcome)


def _refused(message: str) -> ConfigError:
    place = _PLACE.search(message)
    return ConfigError(place[1], place[2]) if place else ConfigError("policy", message.strip().split("\n")[0])
