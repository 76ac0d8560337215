"""``remit keys``: the gateway's signing keys, and tokens of the UNSAFE development issuer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, get_args

import typer

from remit.cli.options import HERE, AsJson, Config
from remit.cli.output import data, moment, say, table, told
from remit.config import RemitConfig, load_config
from remit.identity.dev import MAX_TTL_S
from remit.model.principal import Plane, Role
from remit.ports import KeyUse
from remit.wiring.clock import SystemClock
from remit.wiring.identity import dev_issuer, key_ring, make_signer

keys = typer.Typer(help="Signing keys.", no_args_is_help=True)


class Named(StrEnum):
    """``Role`` for an option that may be repeated, which cannot be of a ``Literal``."""

    agent = "agent"
    user = "user"
    orchestrator = "orchestrator"
    admin = "admin"
    approver = "approver"
    verifier = "verifier"


@keys.command("list")
def list_keys(
    config: Config = HERE,
    json: AsJson = False,
) -> None:
    """List the published keys of every set, and say which one signs."""
    with told():
        loaded = load_config(config)
        rows = [row for use in get_args(KeyUse) for row in _published(loaded, use)]
    if json:
        data(rows)
    else:
        table("Keys", ("use", "kid", "state"), [(row["use"], row["kid"], _state(row)) for row in rows])


def _published(config: RemitConfig, use: KeyUse) -> list[dict[str, Any]]:
    now = SystemClock().now_ms()
    make_signer(config, SystemClock())  # makes the keys of a gateway that never ran
    ring = key_ring(config, use)
    signing = ring.signing(now).kid
    return [
        {
            "use": use,
            "kid": kid,
            "alg": jwk["alg"],
            "state": "signing" if kid == signing else "published",
            "signs_from": ring.keys[kid].active_from,
            "verifies_until": ring.keys[kid].retired,
        }
        for jwk in ring.jwks(now)["keys"]
        for kid in [jwk["kid"]]
    ]


def _state(row: dict[str, Any]) -> str:
    """Short enough to stand beside a key id on 80 columns."""
    if row["state"] == "signing":
        return "signing"
    if row["signs_from"] > SystemClock().now_ms():
        return f"from {moment(row['signs_from'])[:-3]}"
    return "verifies only"


@keys.command("rotate")
def rotate(
    use: Annotated[KeyUse, typer.Argument(help="Which key set.")],
    config: Config = HERE,
    json: AsJson = False,
) -> None:
    """Publish a new key; it signs once every verifier has had time to fetch it."""
    with told():
        loaded = load_config(config)
        kid = make_signer(loaded, SystemClock()).rotate(use)
        signs_from = key_ring(loaded, use).keys[kid].active_from
    if json:
        data({"use": use, "kid": kid, "signs_from": signs_from})
    else:
        say(f"New key {kid} is published, and signs {use} from {moment(signs_from)} UTC on.")


@keys.command("dev-token")
def dev_token(
    subject: Annotated[str, typer.Argument(help="Whose token: an agent, a user, a verifier.")],
    role: Annotated[list[Named], typer.Option("--role", help="May be given several times.")],
    plane: Annotated[Plane, typer.Option(help="Which door it opens.")] = "agent",
    config: Config = HERE,
) -> None:
    """Print a token of the UNSAFE development issuer, good for an hour."""
    with told():
        issuer = dev_issuer(load_config(config), SystemClock())
    roles: list[Role] = [one.value for one in role]
    print(issuer.mint(subject, roles, plane, ttl=MAX_TTL_S))
