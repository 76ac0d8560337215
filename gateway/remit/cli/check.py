"""``remit check`` and ``remit config show``: what is written down, and what is wrong with it."""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from remit.cli.options import HERE, AsJson, Config
from remit.cli.output import FINDING, data, table, talk, told
from remit.config import RemitConfig, load_config, load_registry
from remit.core.registry import Registry
from remit.wiring.policy import make_activation, make_engine

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
        asyncio.run(_activate(loaded, registry))
    today = datetime.datetime.now(datetime.UTC).date()
    found = [*_reviews(registry, today), *_people(registry)]
    if json:
        data({"tools": len(registry.schemas), "found": [asdict(one) for one in found]})
    elif found:
        table("Found", ("where", "problem", "remedy"), [(f.where, f.problem, f.remedy) for f in found])
    else:
        talk.print(f"All is well: {len(registry.schemas)} tools, {len(registry.parameters)} templates.")
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
            found.append(Found(f"tool {name}", "nobody reviewed it", f"reviewed.digest: {digest}"))
        elif tool.reviewed.digest != digest:
            remedy = f"look at it again; its digest is now {digest}"
            found.append(Found(f"tool {name}", "changed since its review", remedy))
        elif tool.reviewed.until < today:
            found.append(Found(f"tool {name}", "its review has run out", "review it, and move until"))
    for name, template in registry.organisation.templates.items():
        if template.review_by < today:
            found.append(Found(f"template {name}", "past its review date", f"{template.owner} renews it"))
    return found


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
    redacted: Annotated[bool, typer.Option(help="Hide paths and addresses of secrets.")] = True,
) -> None:
    """Print the configuration in force, files and environment together, as JSON."""
    with told():
        loaded = load_config(config)
    hidden = {"root"} | ({"data"} if redacted else set())
    data(loaded.model_dump(mode="json", exclude=hidden))
