"""Finding scenarios, and the organisations that they are played in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.errors import ConfigError
from remit.net.files import read_registration
from remit.replay import find, load

ORGANISATION = Path(__file__).parents[2] / "scenarios" / "organisation"


def test_files_and_folders_each_once_in_order(write: Any, tmp_path: Path) -> None:
    one, two = write("- advance: 1s\n", name="one"), write("- advance: 1s\n", name="two")
    (tmp_path / "other.yaml").write_text("x: 1\n")
    assert find([tmp_path, two]) == [one, two]
    assert find([two, one]) == [two, one]


def test_no_scenario_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no \*\.scenario\.yaml"):
        find([tmp_path])
    with pytest.raises(ConfigError, match="no such file"):
        find([tmp_path / "nowhere"])


def test_a_scenario_replaces_and_adds_entries(write: Any) -> None:
    path = write("- advance: 1s\n")
    rest = f"""organisation:
  folder: {ORGANISATION}
  users:
    - {{id: ann@example.com, roles: [treasury]}}
    - {{id: new@example.com, roles: []}}
"""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], rest, *lines[3:]]))
    users = load(path).registry.organisation.users
    assert users["ann@example.com"].roles == ("treasury",)
    assert {"new@example.com", "dan@example.com"} <= users.keys()


def test_a_missing_organisation_is_named(write: Any) -> None:
    path = write("- advance: 1s\n")
    path.write_text(path.read_text().replace(str(ORGANISATION), "elsewhere"))
    with pytest.raises(ConfigError, match=r"elsewhere.*no such folder"):
        load(path)


def test_every_tool_of_the_shared_organisation_is_reviewed_as_it_is() -> None:
    folders = (ORGANISATION / name for name in ("catalogue", "templates", "inventory"))
    registry = read_registration(*folders).registry("dev")
    stale = {
        name: f"set reviewed.digest to {registry.definitions[name]}"
        for name, tool in registry.organisation.tools.items()
        if tool.reviewed is None or tool.reviewed.digest != registry.definitions[name]
    }
    assert stale == {}
