"""Reading what operators write: ``remit.yaml``, the catalogue, templates and the inventory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from remit.config.settings import RemitConfig
from remit.core.documents import Document
from remit.core.registry import Registry, register
from remit.errors import ConfigError, FieldError
from remit.model.base import Json, Model
from remit.model.organisation import AgentEntry, UserEntry
from remit.model.template import Template
from remit.model.tool import Tool

M = TypeVar("M", bound=BaseModel)

CONFIG_NAME = "remit.yaml"


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


def load_config(path: Path) -> RemitConfig:
    """The configuration in ``path`` (a file, or the folder that holds it), with the environment on top.

    Raises:
        ConfigError: names the file, the line and the field.
    """
    file = path / CONFIG_NAME if path.is_dir() else path
    document = read(file)
    if not isinstance(document.value, dict):
        raise ConfigError(str(file), "must hold settings by name")
    if "root" in document.value:
        raise ConfigError(str(file), "root: is the folder of this file, and not a setting")
    merged = _merged(document.value, _environment())
    config = document.model(RemitConfig, merged)
    return config.model_copy(update={"root": file.parent})


def load_registry(config: RemitConfig) -> Registry:
    """Everything that the configured folders register.

    Raises:
        ConfigError: names the file, and the line or the entry.
    """
    catalogue = _all(config.at(config.catalogue), Catalogue)
    templates = _all(config.at(config.templates), Templates)
    inventory = _all(config.at(config.inventory), Inventory)
    try:
        return register(
            config.environment,
            tools=[tool for file in catalogue for tool in file.tools],
            templates=[template for file in templates for template in file.templates],
            agents=[agent for file in inventory for agent in file.agents],
            users=[user for file in inventory for user in file.users],
        )
    except FieldError as error:
        raise ConfigError(error.field, error.problem) from error


def read(file: Path) -> Document:
    """A YAML file.

    Raises:
        ConfigError: there is no such file, or it is not YAML.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), f"cannot be read: {type(error).__name__}") from error
    return Document(text, str(file))


def _all(folder: Path, kind: type[M]) -> list[M]:
    if not folder.is_dir():
        raise ConfigError(str(folder), "there is no such folder")
    return [read(file).model(kind) for file in sorted(folder.glob("*.yaml"))]


class _FromEnvironment(RemitConfig, BaseSettings):
    """The same fields, as ``REMIT_…`` names them; only ever read field by field."""

    model_config = SettingsConfigDict(env_prefix="REMIT_", env_nested_delimiter="__")


def _environment() -> dict[str, Any]:
    """What ``REMIT_…`` says, by field; ``REMIT_AGENT__PORT`` is ``agent.port``."""
    for name in os.environ:
        field = name.removeprefix("REMIT_").lower().split("__")[0]
        if name.startswith("REMIT_") and field not in RemitConfig.model_fields:
            raise ConfigError(name, "is not a setting of remit.yaml")
    return EnvSettingsSource(_FromEnvironment)()


def _merged(base: dict[str, Json], over: dict[str, Any]) -> dict[str, Json]:
    found = dict(base)
    for name, value in over.items():
        inner = found.get(name)
        found[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return found
