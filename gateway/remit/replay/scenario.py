"""The format of ``*.scenario.yaml``: an organisation, a clock, steps, and what must always hold."""

from __future__ import annotations

import datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from remit.model.base import JsonObject, Model, Name
from remit.model.organisation import AgentEntry, UserEntry
from remit.model.template import Template
from remit.model.tool import Environment, Tool
from remit.replay.expect import OneWord
from remit.replay.steps import Step

SCENARIO_SUFFIX: Final = ".scenario.yaml"
MAX_SCENARIO_STEPS: Final = 1_000

ToolPattern = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""A tool's name; ``*`` stands for any characters (``shell.*``)."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=4_096)]


class OrganisationRef(Model):
    """Whose rules apply: a folder, and entries that replace or add to what it registers.

    Attributes:
        folder: holds ``catalogue/``, ``templates/`` and ``inventory/``; relative to the scenario's file.
    """

    folder: str
    environment: Environment = "dev"
    tools: tuple[Tool, ...] = ()
    templates: tuple[Template, ...] = ()
    agents: tuple[AgentEntry, ...] = ()
    users: tuple[UserEntry, ...] = ()


class Always(Model):
    """What must hold from the first step to the last. That the log verifies is checked in any case.

    Attributes:
        never_permit: no call of such a tool is ever permitted.
        executed_at_most: so often, and no more, does such a tool ever execute a call.
        token_ttl_s: no call token lives longer, seconds.
    """

    never_permit: tuple[ToolPattern, ...] = ()
    executed_at_most: dict[ToolPattern, int] = Field(default_factory=dict)
    token_ttl_s: Annotated[int, Field(ge=1)] | None = None


class Scenario(Model):
    """One scenario.

    Attributes:
        scenario: the version of the format.
        about: what it shows and why that matters, for readers.
        clock: when it begins; time passes by ``advance`` steps alone.
        settings: numbers of the gateway's flows that differ from their defaults.
    """

    scenario: Literal[1]
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    about: Text | None = None
    tags: tuple[Name, ...] = ()
    organisation: Annotated[OrganisationRef, OneWord("folder", str)]
    clock: AwareDatetime
    settings: dict[str, int] = Field(default_factory=dict)
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_SCENARIO_STEPS)]
    always: Always = Always()

    @property
    def start_ms(self) -> int:
        """``clock`` in epoch milliseconds."""
        return round(self.clock.astimezone(datetime.UTC).timestamp() * 1000)


def scenario_schema() -> JsonObject:
    """The JSON Schema of a scenario, for editors."""
    schema = Scenario.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
