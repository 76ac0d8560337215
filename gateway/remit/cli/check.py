"""``remit check`` and ``remit config show``: what is written down, and what is wrong with it."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from remit.cli.options import HERE, AsJson, Config
from remit.cli.output import FINDING, counted, data, say, talk, told
from remit.cli.sample import REVIEW_DAYS
from remit.config import RemitConfig, config_file, load_config, load_registry, variables
from remit.core.registry import Registry
from remit.model.tool import Tool
from remit.upstream.addresses import is_public
from remit.wiring.identity import check_people
from remit.wiring.policy import make_activation, make_engine

REDACTED: Final = "<redacted>"

config = typer.Typer(help="The configuration in force.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that somebody should look at."""

    where: str
    problem: str
    remedy: str


def check(
    config: Config = HERE,
    json: AsJson = False,
) -> None:
    """Load everything, activate the policy once, and report what would refuse calls."""
    with told():
        loaded = load_config(config)
        registry = load_registry(loaded)
        check_people(loaded, registry)
        asyncio.run(_activate(loaded, registry))
    today = datetime.datetime.now(datetime.UTC).date()
    found = [
        *_unread(loaded),
        *_reviews(registry, today),
        *_people(registry),
        *_environments(registry),
        *_addresses(registry.organisation.tools.values()),
    ]
    if json:
        data({"tools": len(registry.schemas), "found": [asdict(one) for one in found]})
    elif found:
        for one in found:
            say(f"{one.where}: {one.problem}")
            for line in one.remedy.splitlines():
                say(f"  {line}")
    else:
        tools, templates = len(registry.schemas), len(registry.parameters)
        talk.print(f"All is well: {counted(tools, 'tool')}, {counted(templates, 'template')}.")
    if found:
        raise typer.Exit(FINDING)


async def _activate(loaded: RemitConfig, registry: Registry) -> None:
    engine = make_engine(loaded)
    try:
        await engine.activate(make_activation(loaded, registry))
    finally:
        await engine.close()


def _reviews(registry: Registry, today: datetime.date) -> list[Found]:
    found: list[Found] = []
    for name, tool in registry.organisation.tools.items():
        digest = registry.definitions[name]
        if tool.reviewed is None:
            found.append(Found(f"tool {name}", "nobody reviewed it", _review(digest, today)))
        elif tool.reviewed.digest != digest:
            found.append(Found(f"tool {name}", "changed since its review", _review(digest, today)))
        elif tool.reviewed.until < today:
            found.append(Found(f"tool {name}", "its review has run out", "review it, and move until"))
    for name, template in registry.organisation.templates.items():
        if template.review_by < today:
            found.append(Found(f"template {name}", "past its review date", f"{template.owner} renews it"))
    return found


def _review(digest: str, today: datetime.date) -> str:
    """What to paste into the catalogue."""
    until = today + datetime.timedelta(days=REVIEW_DAYS)
    return (
        "look at it, and put your name under it in the catalogue:\n"
        f"reviewed:\n  by: YOU@example.com\n  digest: {digest}\n  until: {until}"
    )


def _unread(config: RemitConfig) -> list[Found]:
    """What looks like a file of these folders, and is none."""
    return [
        Found(str(file), "is not read", f"only *.yaml directly in {folder} are: rename or move it")
        for folder in (config.at(config.catalogue), config.at(config.templates), config.at(config.inventory))
        for file in sorted(folder.rglob("*.y*ml"))
        if file.suffix != ".yaml" or file.parent != folder
    ]


def _environments(registry: Registry) -> list[Found]:
    """Tools and agents that a template names and that this gateway refuses, as another environment's."""
    organisation = registry.organisation
    here = organisation.environment
    granted = {grant.name for template in organisation.templates.values() for grant in template.tools}
    named = {agent for template in organisation.templates.values() for agent in template.agents}
    tools = [
        Found(
            f"tool {name}",
            f"is of environment {tool.environment}",
            f"remit.yaml says {here}: every call is denied",
        )
        for name, tool in organisation.tools.items()
        if name in granted and tool.environment != here
    ]
    agents = [
        Found(f"agent {name}", f"may work in {', '.join(agent.environments)}", f"remit.yaml says {here}")
        for name, agent in organisation.agents.items()
        if name in named and here not in agent.environments
    ]
    return [*tools, *agents]


def _addresses(tools: Iterable[Tool]) -> list[Found]:
    """Tools that no call can reach: on an address that only ``allow_private`` opens."""
    return [
        Found(f"tool {tool.name}", f"{tool.http.url} is on no public address", "http.allow_private: true")
        for tool in tools
        if tool.http and not tool.http.allow_private and _is_private(tool.http.url)
    ]


def _is_private(url: str) -> bool:
    """Whether that can be told without asking a name server."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


def _people(registry: Registry) -> list[Found]:
    """Agents and users that a template names and the inventory does not know."""
    organisation = registry.organisation
    return [
        Found(f"template {template.id}", f"names {kind} {name}, unknown to the inventory", "add or remove it")
        for template in organisation.templates.values()
        for kind, names, known in (
            ("agent", template.agents, organisation.agents),
            ("user", template.users, organisation.users),
        )
        for name in names
        if name not in known and name != "*"
    ]


@config.command("show")
def show(
    config: Config = HERE,
    redacted: Annotated[bool, typer.Option(help="Hide where secrets are.")] = True,
    json: AsJson = False,
) -> None:
    """Print the configuration in force, files and environment together, as JSON."""
    with told():
        loaded = load_config(config)
    shown: dict[str, Any] = loaded.model_dump(mode="json", exclude={"root"})
    if redacted:
        shown["data"] = REDACTED
        shown["engine"]["token_env"] = shown["engine"]["token_env"] and REDACTED
    sources = {"file": str(config_file(config).absolute()), "variables": list(variables())}
    data(sources | shown, indent=None if json else 2)
