"""``remit keys``: the gateway's signing keys, and tokens of the UNSAFE development issuer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, cast

import typer

from remit.cli.options import HERE, AsJson, Config
from remit.cli.output import data, table, told
from remit.config import load_config
from remit.model.principal import Plane, Role
from remit.wiring.clock import SystemClock
from remit.wiring.identity import dev_issuer, make_signer

keys = typer.Typer(help="Signing keys.", no_args_is_help=True)


class Use(StrEnum):
    """A key set."""

    access = "access"
    events = "events"
    checkpoints = "checkpoints"


@keys.command("list")
def list_keys(
    config: Config = HERE,
    json: AsJson = False,
) -> None:
    """List the published keys of every set."""
    with told():
        signer = make_signer(load_config(config), SystemClock())
        rows: list[dict[str, Any]] = []
        for use in Use:
            published = cast("list[dict[str, Any]]", signer.jwks(use.value)["keys"])
            rows.extend({"use": use.value, "kid": key["kid"], "alg": key["alg"]} for key in published)
    if json:
        data(rows)
    else:
        table("Keys", ("use", "kid", "alg"), [row.values() for row in rows])


@keys.command("rotate")
def rotate(
    use: Annotated[Use, typer.Argument(help="Which key set.")],
    config: Config = HERE,
    json: AsJson = False,
) -> None:
    """Publish a new key; it signs once every verifier has had time to fetch it."""
    with told():
        kid = make_signer(load_config(config), SystemClock()).rotate(use.value)
    if json:
        data({"use": use.value, "kid": kid})
    else:
        table("New key", ("use", "kid"), [(use.value, kid)])


@keys.command("dev-token")
def dev_token(
    subject: Annotated[str, typer.Argument(help="Whose token: an agent, a user, a verifier.")],
    role: Annotated[list[str], typer.Option("--role", help="agent, user, orchestrator, approver, admin …")],
    plane: Annotated[str, typer.Option(help="agent or admin")] = "agent",
    config: Config = HERE,
) -> None:
    """Print a token of the UNSAFE development issuer, good for an hour."""
    with told():
        issuer = dev_issuer(load_config(config), SystemClock())
    print(issuer.mint(subject, cast("list[Role]", role), cast("Plane", plane), ttl=3600))
