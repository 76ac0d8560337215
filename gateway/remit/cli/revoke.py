"""``remit revoke``: the brake, and letting it go again."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import typer
from pydantic import TypeAdapter, ValidationError

from remit.cli.api import admin_api
from remit.cli.options import HERE, AsJson, Config
from remit.cli.output import counted, data, say, told
from remit.config import RemitConfig, load_config, load_registry
from remit.errors import ConfigError
from remit.model.base import RunId, TokenId

Scope = Literal["token", "run", "agent", "tool", "server", "tenant", "all"]


def revoke(
    scope: Annotated[
        Scope, typer.Argument(help="What is revoked: one token, one run, or everything of an agent, …")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")],
    name: Annotated[str | None, typer.Argument(help="Which one; for all there is none.")] = None,
    config: Config = HERE,
    lift: Annotated[bool, typer.Option("--lift", help="Let it work again.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also what the files do not name.")] = False,
    json: AsJson = False,
) -> None:
    """Revoke a token, end a run, or stop an agent, tool, server, tenant or everything. At once."""
    with told():
        loaded = load_config(config)
        named = True if scope == "all" else _checked(loaded, scope, name, anything=force or lift)
        path = "/v1/revocations/lift" if lift else "/v1/revocations"
        done = asyncio.run(_post(loaded, path, {"scope": {scope: named}, "reason": reason}))
    if json:
        data(done)
        return
    verifiers = done.get("verifiers")
    if verifiers is None:
        say("Done: it may work again. What was revoked stays revoked.")
        return
    say(
        f"Done: {verifiers['confirmed']} of {counted(verifiers['connected'], 'verifier')} "
        f"confirmed in {verifiers['ms']} ms."
    )


def _checked(config: RemitConfig, scope: Scope, name: str | None, *, anything: bool) -> str:
    """``name``, if there is such a thing: a brake that is pulled for a misspelt name stops nothing.

    Raises:
        ConfigError: there is none.
    """
    if name is None:
        raise ConfigError(f"revoke {scope}", f"say which {scope}: remit revoke {scope} NAME")
    if scope in {"token", "run"}:
        _check_id(scope, name)
    elif not anything and name not in _known(config, scope):
        raise ConfigError(f"{scope} {name}", "is in none of the files; --force does it all the same")
    return name


def _check_id(scope: Scope, name: str) -> None:
    shape: TypeAdapter[str] = TypeAdapter(RunId if scope == "run" else TokenId)
    try:
        shape.validate_python(name)
    except ValidationError as error:
        raise ConfigError(name, f"is not a {scope} id") from error


def _known(config: RemitConfig, scope: Scope) -> set[str]:
    organisation = load_registry(config).organisation
    match scope:
        case "agent":
            return set(organisation.agents)
        case "tool":
            return set(organisation.tools)
        case "server":
            return {tool.server for tool in organisation.tools.values()}
        case _:
            return set(config.tenants)


async def _post(config: RemitConfig, path: str, body: Any) -> Any:
    async with admin_api(config) as api:
        return await api.post(path, body)
