"""What the documents name is there: files, headings, make targets, commands and their options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from remit.cli.app import app

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "scenarios/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
_CODE = re.compile(r"```.*?```", re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"(?:^\s*(?:\$ )?|\$\()remit ([^\n|)#]*)", re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", _CODE.sub("", document.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for word, inner in group.commands.items():
        name = f"{above} {word}".strip()
        if hasattr(inner, "commands"):
            yield from commands(inner, name)
        else:
            yield name, inner


COMMANDS = dict(commands(typer.main.get_command(app)))


def options(command: Any) -> set[str]:
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for path, anchor in _LINK.findall(document.read_text(encoding="utf-8")):
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{document.name}: {path}"
        if anchor:
            assert anchor in anchors(target), f"{document.name}: {path}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_is_there(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z]+)", document.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_option_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    code = "\n".join(_CODE.findall(text) + _SPAN.findall(_CODE.sub("", text)))
    for line in _COMMAND.findall(code):
        words = line.split()
        name = next((" ".join(words[:size]) for size in (2, 1) if " ".join(words[:size]) in COMMANDS), "")
        assert name, f"{document.name}: remit {line}"
        named = {word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)}
        assert named <= options(COMMANDS[name]), f"{document.name}: remit {line}"


def said_of_commands() -> tuple[str, str]:
    """The README's list of commands, and the paragraphs after it."""
    listed, _, after = README.read_text(encoding="utf-8").partition("\n## Commands\n\n")[2].partition("\n\n")
    return listed, after


def test_the_readme_lists_every_command() -> None:
    listed, _ = said_of_commands()
    assert set(re.findall(r"`([^`]+)`", listed)) == set(COMMANDS)


def test_the_readme_says_which_commands_have_json() -> None:
    said = said_of_commands()[1].partition("prints data with ")[2].partition(";")[0]
    having = {name for name, command in COMMANDS.items() if "--json" in options(command)}
    assert set(re.findall(r"`([^`]+)`", said)) == having
