"""One tool call, as the agent asks for it."""

from __future__ import annotations

from typing import Final, Literal

from remit.model.base import CallId, JsonObject, Model, Name, StepId

Mode = Literal["execute", "authorize"]
"""``execute``: the gateway calls the tool. ``authorize``: the tool runs elsewhere, on the token."""

MAX_ARGUMENT_BYTES: Final = 262_144
MAX_ARGUMENT_DEPTH: Final = 32


class ToolCall(Model):
    """A tool, its arguments as given, and the plan step that the agent claims."""

    call_id: CallId
    tool: Name
    arguments: JsonObject
    step: StepId | None = None
    mode: Mode = "execute"
