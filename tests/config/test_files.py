"""Settings from files and the environment: what wins, and what is refused by its place."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from remit.cli import sample
from remit.config import load_config, load_registry
from remit.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in sample.files(today=datetime.date(2026, 11, 21)).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_sample_loads_from_its_folder_or_its_file(folder: Path) -> None:
    assert load_config(folder) == load_config(folder / "remit.yaml")
    assert load_config(folder).at(Path("x")) == folder / "x"
    assert len(load_registry(load_config(folder)).schemas) == 4


def test_the_environment_wins_and_nests(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_AGENT__PORT", "9000")
    monkeypatch.setenv("REMIT_ENVIRONMENT", "prod")
    monkeypatch.setenv("REMIT_FLOWS", '{"lease_ms": 5000}')
    config = load_config(folder)
    assert (config.agent.port, config.agent.host, config.environment) == (9000, "127.0.0.1", "prod")
    assert config.flow_settings().lease_ms == 5000
    assert config.flow_settings().issuer == "http://127.0.0.1:9000"


def test_variables_of_commands_are_no_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_TOKEN", "x")
    monkeypatch.setenv("REMIT_CONFIG", str(folder))
    load_config(folder)


@pytest.mark.parametrize("name", ["REMIT_TYPO", "REMIT_AGNT__PORT"])
def test_a_misspelt_variable_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigError, match=name):
        load_config(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REMIT_AGENT__PORT", "abc"),
        ("REMIT_AGENT__PRT", "1"),
        ("REMIT_AGENT", "not json"),
        ("REMIT_DEV_ISSUER", "maybe"),
        ("REMIT_ENVIRONMENT", "Dev!"),
        ("REMIT_FLOWS", "not json"),
        ("REMIT_POLICY__EXTENSIONS", "not json"),
        ("REMIT_LOG__FORMAT", "xml"),
        ("REMIT_ADMIN__PORT", "8700"),
    ],
)
def test_a_wrong_variable_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("REMIT_STORE__KIND", "memory")  # another one, which is right
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=rf"^{name}: "):
        load_config(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("environment: dev", "environment: dev\nroot: /"),
        ("environment: dev", "environment: dev\nnonsense: 1"),
        ("environment: dev", "environment: Dev!"),
        ("environment: dev", "environment: dev\nenvironment: prod"),
        ("environment: dev", "- dev"),
        ("dev_issuer: true", "dev_issuer: maybe"),
        ("port: 8700", "port: 70000"),
        ("port: 8700", "port: 8701"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_file(folder: Path, old: str, new: str) -> None:
    file = folder / "remit.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=r"remit\.yaml"):
        load_config(folder)


@pytest.mark.parametrize("part", ["catalogue", "templates", "inventory"])
def test_a_folder_that_is_missing_is_not_an_empty_one(folder: Path, part: str) -> None:
    (folder / part).rename(folder / "elsewhere")
    with pytest.raises(ConfigError, match=part):
        load_registry(load_config(folder))


def test_a_wrong_flow_setting_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ('{"lease_ms": 1}', '{"nonsense": 1}', '{"call_token_ttl_s": 31}'):
        monkeypatch.setenv("REMIT_FLOWS", wrong)
        with pytest.raises(ConfigError):
            load_config(folder).flow_settings()
