"""What ``remit init`` writes: schemas where editors look for them, and a tool server on the right ports."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from remit.cli import sample, sample_tool
from remit.cli.schemas import schema_files

TODAY = datetime.date(2026, 11, 21)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {**sample.project(today=TODAY), **schema_files()}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_every_file_names_a_schema_that_it_fits(folder: Path) -> None:
    files = sorted(folder.rglob("*.yaml"))
    assert len(files) == 5
    for file in files:
        text = file.read_text(encoding="utf-8")
        named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
        assert named, file
        schema = json.loads((file.parent / named[1]).read_text(encoding="utf-8"))
        value = json.loads(json.dumps(yaml.safe_load(text), default=lambda day: day.isoformat()))
        jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("first", [8700, 8698, 8702, 9000])
def test_the_tool_server_knows_gateway_and_catalogue_by_their_ports(first: int) -> None:
    """Also where a new port is the old one of something else."""
    project = sample.project(first_port=first, today=TODAY)
    program = project["tool.py"]
    assert f'GATEWAY: Final = "http://127.0.0.1:{first}"' in program
    assert f'RESOURCE: Final = "http://127.0.0.1:{first + 2}"' in program
    assert f"PORT: Final = {first + 2}\n" in program
    (resource,) = {tool["resource"] for tool in yaml.safe_load(project["catalogue/payables.yaml"])["tools"]}
    assert resource == f"http://127.0.0.1:{first + 2}"


def test_the_tool_server_has_the_tools_of_the_catalogue_at_their_risk() -> None:
    catalogue = yaml.safe_load(sample.project(today=TODAY)["catalogue/payables.yaml"])["tools"]
    served = {name: risk for name, (risk, _) in sample_tool.TOOLS.items()}
    assert served == {tool["name"]: tool["risk"] for tool in catalogue}
