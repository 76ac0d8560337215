"""What proves a call to its tool: the call token, or the static secret of a tool that knows no better.

A secret is read anew for each call, so that a rotation needs no restart. Its value may stand in the
request header and nowhere else: never in a log, an exception or a ``repr``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from remit.errors import NotSentError
from remit.model.tool import SecretRef, Tool

MAX_SECRET_BYTES: Final = 8_192
"""Common servers refuse a longer header field."""


def credential_header(tool: Tool, token: str) -> tuple[str, str]:
    """The header that authenticates a call: its name and value. A tool with a secret gets no token.

    Raises:
        NotSentError: the secret cannot be had, or cannot stand in a header.
    """
    if tool.secret is None:
        return "Authorization", f"Bearer {token}"
    return tool.secret.header, tool.secret.format.replace("{}", _value(tool.secret))


def _value(secret: SecretRef) -> str:
    kind, _, where = secret.source.partition(":")
    raw = os.environb.get(where.encode()) if kind == "env" else _file(Path(where))
    if raw is None:
        raise NotSentError(f"secret {secret.source}: there is none")
    value = raw.strip()
    if not value or len(value) > MAX_SECRET_BYTES or not all(0x20 <= byte < 0x7F for byte in value):
        raise NotSentError(f"secret {secret.source}: not 1 to {MAX_SECRET_BYTES} printable ASCII characters")
    return value.decode("ascii")


def _file(path: Path) -> bytes | None:
    """The start of a file, one byte more than may be used; ``None`` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_SECRET_BYTES + 1)
    except OSError:
        return None
