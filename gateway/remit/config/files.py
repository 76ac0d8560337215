"""Reading what operators write: ``remit.yaml``, the catalogue, templates and the inventory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from remit.config.settings import RemitConfig
from remit.core.registry import Registry
from remit.errors import ConfigError
from remit.model.base import Json
from remit.net.files import read, read_registration

CONFIG_NAME = "remit.yaml"
NOT_SETTINGS = frozenset({"REMIT_CONFIG", "REMIT_TOKEN"})
"""Variables that commands read: where the configuration is, and a bearer token for the admin plane."""


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
    registration = read_registration(
        config.at(config.catalogue), config.at(config.templates), config.at(config.inventory)
    )
    return registration.registry(config.environment)


class _FromEnvironment(RemitConfig, BaseSettings):
    """The same fields, as ``REMIT_…`` names them; only ever read field by field."""

    model_config = SettingsConfigDict(env_prefix="REMIT_", env_nested_delimiter="__")


def _environment() -> dict[str, Any]:
    """What ``REMIT_…`` says, by field; ``REMIT_AGENT__PORT`` is ``agent.port``."""
    for name in os.environ:
        field = name.removeprefix("REMIT_").lower().split("__")[0]
        known = field in RemitConfig.model_fields or name in NOT_SETTINGS
        if name.startswith("REMIT_") and not known:
            raise ConfigError(name, "is not a setting of remit.yaml")
    return EnvSettingsSource(_FromEnvironment)()


def _merged(base: dict[str, Json], over: dict[str, Any]) -> dict[str, Json]:
    found = dict(base)
    for name, value in over.items():
        inner = found.get(name)
        found[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return found
