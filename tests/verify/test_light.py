from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = (
    "pydantic",
    "pydantic_core",
    "structlog",
    "jsonschema_rs",
    "sqlite_utils",
    "opa_client",
    "re2",
    "yaml",
)


@pytest.mark.parametrize(
    ("blocked", "modules"),
    [
        ((*BLOCKED, "aiohttp"), "remit.verify, remit.verify.asgi, remit.net.jwks"),
        (
            BLOCKED,
            "remit.verify.feed, remit.verify.aiohttp, remit.verify.connect, remit.verify.introspection",
        ),
    ],
)
def test_a_tool_needs_little_of_remit(blocked: tuple[str, ...], modules: str) -> None:
    program = f"import sys\nfor name in {blocked!r}: sys.modules[name] = None\nimport {modules}\n"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
