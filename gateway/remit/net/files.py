"""Reading what operators write: one YAML file, and the folders of an organisation.

It must never pass a file over: one that cannot be read is an error that names it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from remit.core.documents import Document
from remit.core.registration import Catalogue, Inventory, Registration, Templates, gathered
from remit.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


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


def read_registration(catalogue: Path, templates: Path, inventory: Path) -> Registration:
    """Everything that the files in these folders register.

    Raises:
        ConfigError: names the folder, or the file, the line and the field.
    """
    return gathered(_all(catalogue, Catalogue), _all(templates, Templates), _all(inventory, Inventory))


def _all(folder: Path, kind: type[M]) -> list[M]:
    if not folder.is_dir():
        raise ConfigError(str(folder), "there is no such folder")
    return [read(file).model(kind) for file in sorted(folder.glob("*.yaml"))]
