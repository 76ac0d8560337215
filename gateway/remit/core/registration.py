"""What the organisation writes down, file by file, and the registry that the files make together.

Pure: whoever reads the files hands their parsed content over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from remit.core.registry import Registry, register
from remit.errors import ConfigError, FieldError
from remit.model.base import Model
from remit.model.organisation import AgentEntry, UserEntry
from remit.model.template import Template
from remit.model.tool import Tool


class Catalogue(Model):
    """A file of the catalogue."""

    tools: tuple[Tool, ...]


class Templates(Model):
    """A file of templates."""

    templates: tuple[Template, ...]


class Inventory(Model):
    """A file of the inventory."""

    agents: tuple[AgentEntry, ...] = ()
    users: tuple[UserEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Registration:
    """Every entry of an organisation's files."""

    tools: tuple[Tool, ...] = ()
    templates: tuple[Template, ...] = ()
    agents: tuple[AgentEntry, ...] = ()
    users: tuple[UserEntry, ...] = ()

    def registry(self, environment: str) -> Registry:
        """The registry of these entries.

        Raises:
            ConfigError: names the entry and what is wrong with it.
        """
        try:
            return register(environment, self.tools, self.templates, self.agents, self.users)
        except FieldError as error:
            raise ConfigError(error.field, error.problem) from error


def gathered(
    catalogue: Iterable[Catalogue], templates: Iterable[Templates], inventory: Iterable[Inventory]
) -> Registration:
    """The entries of these files, in the order of the files."""
    people = list(inventory)
    return Registration(
        tools=tuple(tool for file in catalogue for tool in file.tools),
        templates=tuple(template for file in templates for template in file.templates),
        agents=tuple(agent for file in people for agent in file.agents),
        users=tuple(user for file in people for user in file.users),
    )
