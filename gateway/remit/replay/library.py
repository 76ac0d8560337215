"""Scenario files: finding them, reading them, and the organisations that they share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from remit.core.documents import Document
from remit.core.registration import Registration
from remit.core.registry import Registry
from remit.errors import ConfigError
from remit.model.base import Model
from remit.net.files import read, read_registration
from remit.replay.scenario import SCENARIO_SUFFIX, OrganisationRef, Scenario

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Found:
    """A scenario that can be played.

    Attributes:
        document: the file, for the lines of its steps.
    """

    path: Path
    scenario: Scenario
    registry: Registry
    document: Document

    def where(self, *place: str | int) -> str:
        """``file:line`` of a place in the scenario."""
        return f"{self.path}:{self.document.line(place)}"

    def matches(self, words: str) -> bool:
        """Whether ``words`` occur in its name, its path or a tag."""
        said = (self.scenario.name, str(self.path), *self.scenario.tags)
        return any(words.lower() in text.lower() for text in said)


def find(paths: Iterable[Path]) -> list[Path]:
    """Every scenario file that ``paths`` name, or hold below them; each once, in order.

    Raises:
        ConfigError: a path is not there, or there is no scenario at all.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise ConfigError(str(path), "there is no such file or folder")
        below = sorted(path.rglob(f"*{SCENARIO_SUFFIX}")) if path.is_dir() else [path]
        found.update(dict.fromkeys(below))
    if not found:
        raise ConfigError(", ".join(map(str, paths)) or "paths", f"holds no *{SCENARIO_SUFFIX}")
    return list(found)


def load(path: Path) -> Found:
    """A scenario with the organisation that it names.

    Raises:
        ConfigError: names the file, the line and what is wrong.
    """
    document = read(path)
    if not isinstance(document.value, dict):
        raise ConfigError(str(path), "is not a scenario")
    scenario = document.model(Scenario)
    registry = registration(path.parent, scenario.organisation).registry(scenario.organisation.environment)
    found = Found(path, scenario, registry, document)
    _check_patterns(found)
    return found


def _check_patterns(found: Found) -> None:
    """Refuse an invariant about tools that there are not: it would always hold."""
    always, tools = found.scenario.always, found.registry.organisation.tools
    for pattern in (*always.never_permit, *always.executed_at_most):
        if not any(fnmatchcase(tool, pattern) for tool in tools):
            raise ConfigError(found.where("always"), f"{pattern} fits no tool of the catalogue")


def registration(beside: Path, organisation: OrganisationRef) -> Registration:
    """What the folder registers, with the scenario's own entries on top."""
    folder = Path(os.path.normpath(beside / organisation.folder))
    base = read_registration(folder / "catalogue", folder / "templates", folder / "inventory")
    return Registration(
        tools=_over(base.tools, organisation.tools, "name"),
        templates=_over(base.templates, organisation.templates, "id"),
        agents=_over(base.agents, organisation.agents, "id"),
        users=_over(base.users, organisation.users, "id"),
    )


def _over(base: Sequence[M], over: Sequence[M], key: str) -> tuple[M, ...]:
    """``base`` with every entry of ``over`` in place of the one with its key, or after the others."""
    entries = {getattr(entry, key): entry for entry in base}
    return tuple({**entries, **{getattr(entry, key): entry for entry in over}}.values())
