"""Reading what operators write: ``remit.yaml``, the catalogue, templates and the inventory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import from_json
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from remit.config.settings import RemitConfig
from remit.core.registry import Registry
from remit.errors import ConfigError
from remit.model.base import Json
from remit.net.files import read, read_registration

CONFIG_NAME = "remit.yaml"
NOT_SETTINGS = frozenset({"REMIT_CONFIG", "REMIT_TOKEN"})
"""Variables that commands read: where the configuration is, and a bearer token for the admin plane."""
_PROBLEMS: Final = {
    "int_parsing": "must be a whole number",
    "bool_parsing": "must be true or false",
    "extra_forbidden": "is not a setting of remit.yaml",
}
"""What is wrong with a variable, in the words of somebody who sets one."""


def load_config(path: Path) -> RemitConfig:
    """The configuration in ``path`` (a file, or the folder that holds it), with the environment on top.

    Raises:
        ConfigError: names the file, the line and the field; or the variable.
    """
    file = config_file(path)
    if not file.exists():
        raise ConfigError(
            str(file.parent.absolute()), f"there is no {file.name} here; run: remit init FOLDER"
        )
    document = read(file)
    if not isinstance(document.value, dict):
        raise ConfigError(str(file), "must hold settings by name")
    if "root" in document.value:
        raise ConfigError(str(file), "root: is the folder of this file, and not a setting")
    merged = _merged(document.value, _environment())
    try:
        config = document.model(RemitConfig, merged)
    except ConfigError as error:
        raise _of_variable(error) or error from error.__cause__
    return config.model_copy(update={"root": file.parent})


def config_file(path: Path) -> Path:
    """The file that ``path``, a file or the folder that holds it, stands for."""
    return path / CONFIG_NAME if path.is_dir() else path


def variables() -> dict[str, list[str]]:
    """The variables that are set, and where each one's value goes: ``REMIT_AGENT__PORT``: agent, port."""
    names = (name for name in os.environ if name.startswith("REMIT_") and name not in NOT_SETTINGS)
    return {name: name.removeprefix("REMIT_").lower().split("__") for name in sorted(names)}


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
    for name, (field, *_) in variables().items():
        if field not in RemitConfig.model_fields or field == "root":
            raise ConfigError(name, "is not a setting of remit.yaml")
    try:
        return EnvSettingsSource(_FromEnvironment)()
    except SettingsError as error:
        names = [name for name, place in variables().items() if f'"{place[0]}"' in str(error)]
        bad = [name for name in names if not _is_json(os.environ[name])]
        raise ConfigError(" or ".join(bad), "must be JSON") from error


def _is_json(text: str) -> bool:
    try:
        from_json(text)
    except ValueError:
        return False
    return True


def _of_variable(error: ConfigError) -> ConfigError | None:
    """The same error, if what is wrong came from a variable."""
    if not isinstance(error.__cause__, ValidationError):
        return None
    first = error.__cause__.errors(include_url=False, include_input=False, include_context=False)[0]
    wrong = [str(part) for part in first["loc"]]
    for name, place in variables().items():
        if all(said == at for said, at in zip(wrong, place, strict=False)):
            return ConfigError(name, _PROBLEMS.get(first["type"], first["msg"].removeprefix("Value error, ")))
    return None


def _merged(base: dict[str, Json], over: dict[str, Any]) -> dict[str, Json]:
    found = dict(base)
    for name, value in over.items():
        inner = found.get(name)
        found[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return found
