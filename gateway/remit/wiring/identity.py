"""The issuers that the configuration trusts, and the gateway's own keys."""

from __future__ import annotations

from remit.config import RemitConfig
from remit.errors import ConfigError
from remit.identity.dev import DevIssuer
from remit.identity.issuers import Issuers
from remit.ports import Clock
from remit.signer import FileSigner


def make_identity(config: RemitConfig, clock: Clock) -> Issuers:
    """Who may open runs, answer holds and pull brakes.

    Raises:
        ConfigError: nobody could.
    """
    dev = dev_issuer(config, clock) if config.dev_issuer else None
    if dev is None and not config.issuers:
        raise ConfigError("issuers", "name at least one, or set dev_issuer: true to try things out")
    issuers = [
        issuer.model_copy(update={"jwks_file": config.at(issuer.jwks_file)}) if issuer.jwks_file else issuer
        for issuer in config.issuers
    ]
    return Issuers(issuers, clock, own_issuer=config.agent.external(), dev=dev)


def dev_issuer(config: RemitConfig, clock: Clock) -> DevIssuer:
    """The UNSAFE development issuer of this data folder.

    Raises:
        ConfigError: it is not switched on.
    """
    if not config.dev_issuer:
        raise ConfigError("dev_issuer", "is not true: the UNSAFE development issuer is off")
    return DevIssuer(config.at(config.data) / "UNSAFE-dev", clock)


def make_signer(config: RemitConfig, clock: Clock) -> FileSigner:
    """The gateway's signing keys, made on first start."""
    return FileSigner(config.at(config.data) / "keys", clock)
