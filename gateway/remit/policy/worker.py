"""The embedded engine's child process: Regorus behind a socket. ``python -m remit.policy.worker FD``.

It imports as little as it can, answers one question at a time, and ends when its socket does. It must
never print: what it is asked must not get out.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from typing import Any, Final

LENGTH: Final = struct.Struct(">I")
OK: Final = b"\x00"
FAILED: Final = b"\x01"
RULES: Final = ("data.remit.run.decision", "data.remit.plan.decision", "data.remit.call.decision")
"""What can be asked; a request's first byte is an index into it."""


def load(bundle: dict[str, Any]) -> Any:
    """An engine with the modules and data of ``{"modules": {path: source}, "data": ..., "trial": ...}``.

    Every package is evaluated once on the trial input, because Regorus only then finds unknown
    functions, unsafe variables and recursion.
    """
    import regorus  # noqa: PLC0415 - the gateway reads this module too, and may lack the extra

    engine = regorus.Engine()
    for path, source in bundle["modules"].items():
        engine.add_policy(path, source)
    engine.add_data_json(json.dumps({"remit": bundle["data"]}))
    engine.set_input_json(json.dumps(bundle["trial"]))
    for package in engine.get_packages():
        engine.eval_query_as_json(package)
    return engine


def answer(engine: Any, request: bytes) -> bytes:
    """The answer to one request: a byte for the rule, then the input as JSON."""
    try:
        engine.set_input_json(request[1:].decode())
        return OK + str(engine.eval_rule_as_json(RULES[request[0]])).encode()
    except (RuntimeError, ValueError) as error:
        return FAILED + str(error).encode()


def receive(connection: socket.socket) -> bytes | None:
    """One frame, or ``None`` at the end."""
    header = _exactly(connection, LENGTH.size)
    return None if header is None else _exactly(connection, LENGTH.unpack(header)[0])


def send(connection: socket.socket, frame: bytes) -> None:
    """One frame: its length in four bytes, big-endian, then itself."""
    connection.sendall(LENGTH.pack(len(frame)) + frame)


def main(descriptor: int) -> None:
    """Load what the first frame holds, then answer the others."""
    connection = socket.socket(fileno=descriptor)
    bundle = receive(connection)
    if bundle is None:
        return
    try:
        engine = load(json.loads(bundle))
    except RuntimeError as error:
        send(connection, FAILED + str(error).encode())
        return
    send(connection, OK)
    while (request := receive(connection)) is not None:
        send(connection, answer(engine, request))


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    received = bytearray()
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            return None
        received += chunk
    return bytes(received)


if __name__ == "__main__":
    main(int(sys.argv[1]))
