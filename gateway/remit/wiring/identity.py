"""The issuers that the configuration trusts, and the gateway's own keys."""

from __future__ import annotations

from remit.config import RemitConfig
from remit.core.registry import Registry
from remit.errors import ConfigError
from remit.identity.dev import DevIssuer
from remit.identity.issuers import Issuers
from remit.ports import Clock, KeyUse
from remit.signer import FileSigner
from remit.signer import files as key_files
from remit.signer.ring import Ring
from remit.wiring.store import data_folder


def make_identity(config: RemitConfig, clock: Clock) -> Issuers:
    """Who may open runs, answer holds and pull brakes.

    Raises:
        ConfigError: nobody could.
    """
    dev = dev_issuer(config, clock, quiet=False) if config.dev_issuer else None
    if dev is None and not config.issuers:
        raise ConfigError("issuers", "name at least one, or set dev_issuer: true to try things out")
    issuers = [
        issuer.model_copy(update={"jwks_file": config.at(issuer.jwks_file)}) if issuer.jwks_file else issuer
        for issuer in config.issuers
    ]
    return Issuers(issuers, clock, own_issuer=config.agent.external(), dev=dev)


def dev_issuer(config: RemitConfig, clock: Clock, *, quiet: bool = True) -> DevIssuer:
    """The UNSAFE development issuer of this data folder; unless ``quiet`` it warns of itself.

    Raises:
        ConfigError: it is not switched on.
    """
    if not config.dev_issuer:
        raise ConfigError("dev_issuer", "is not true: the UNSAFE development issuer is off")
    return DevIssuer(data_folder(config) / "UNSAFE-dev", clock, quiet=quiet)


def make_signer(config: RemitConfig, clock: Clock) -> FileSigner:
    """The gateway's signing keys, made on first start."""
    return FileSigner(data_folder(config) / "keys", clock)


def key_ring(config: RemitConfig, use: KeyUse) -> Ring:
    """One set of the gateway's keys with their times, for people who rotate them."""
    return key_files.load(data_folder(config) / "keys" / use, use)


def check_people(config: RemitConfig, registry: Registry) -> None:
    """Refuse a configuration in which one issuer's ``sub`` could pass for another's.

    Raises:
        ConfigError: several issuers may vouch for people, and a user does not say which one it is.
    """
    people = {"user", "approver"}
    vouching = [one.name for one in config.issuers if any(people & {*g.roles} for g in one.grants)]
    if len(vouching) + config.dev_issuer < 2:
        return
    users = registry.organisation.users
    owners = {template.owner for template in registry.organisation.templates.values()}
    for name in sorted({*users, *owners}):
        if name not in users or users[name].issuer is None:
            problem = f"needs its issuer in the inventory, because {', '.join(vouching)} all vouch for people"
            raise ConfigError(f"inventory.users.{name}", problem)
