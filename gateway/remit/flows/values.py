"""The values beside the log: an intent, a call's arguments, a result. What names them, and their form.

They are salted: records and tokens hold only ``salted_hash(salt, canonical value)``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from remit.core.canonical import b64url, canonical, salted_hash, un_b64url
from remit.core.facts import Intent
from remit.model.base import JsonObject

INTENT = "intent"


def call_value(call_id: str) -> str:
    """The name under which a call's arguments are kept."""
    return f"call/{call_id}"


def result_value(call_id: str) -> str:
    """The name under which a call's result is kept, where the tool's contract keeps it."""
    return f"result/{call_id}"


def reason_value(revision: int) -> str:
    """The name under which the reason given for an amendment is kept."""
    return f"reason/{revision}"


def plan_value(approval_id: str) -> str:
    """The name under which the plan that a hold is about is kept, with the reason given for it."""
    return f"plan/{approval_id}"


@dataclass(frozen=True, slots=True)
class Salted:
    """A JSON object with its salt; ``body`` is ``None`` when only the salt is (still) kept."""

    salt: bytes
    body: JsonObject | None

    @property
    def hash(self) -> str:
        """What commits to this value. Only for one whose body is there."""
        return salted_hash(self.salt, canonical(self.body))

    def sealed(self) -> bytes:
        """The form in which the store keeps it."""
        return canonical({"salt": b64url(self.salt), "body": self.body})

    @classmethod
    def opened(cls, raw: bytes) -> Salted:
        """The value in what ``sealed`` made."""
        kept = json.loads(raw)
        return cls(un_b64url(kept["salt"]), kept["body"])


def sealed_intent(intent: Intent, salt: bytes) -> Salted:
    """An intent as a value."""
    return Salted(salt, {"task": intent.task, "parameters": intent.parameters})


def opened_intent(raw: bytes) -> Intent:
    """The intent in a stored value."""
    body = json.loads(raw)["body"]
    return Intent(task=body["task"], parameters=body["parameters"])
