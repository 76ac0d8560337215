"""The policy engine that the configuration names, and the policy that it puts in force."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from remit.config import RemitConfig
from remit.core.registry import Registry
from remit.errors import ConfigError
from remit.policy.bundle import read_extensions
from remit.policy.embedded import EmbeddedEngine
from remit.policy.manifest import PolicySettings, activation
from remit.policy.opa import OpaEngine
from remit.ports import Activation, PolicyEngine


def make_engine(config: RemitConfig) -> PolicyEngine:
    """The configured engine, with no policy yet.

    Raises:
        ConfigError: its package, program or token is not there.
    """
    engine = config.engine
    deadline_s = engine.deadline_ms / 1000
    if engine.kind == "embedded":
        if importlib.util.find_spec("regorus") is None:
            raise ConfigError("engine.kind", "embedded needs the extra: pip install 'remit[embedded]'")
        return EmbeddedEngine(deadline_s=deadline_s)
    if engine.url:
        token = os.environ.get(engine.token_env) if engine.token_env else None
        if engine.token_env and not token:
            raise ConfigError("engine.token_env", f"{engine.token_env} is not set")
        return OpaEngine.server(engine.url, token=token, manage=engine.manage, deadline_s=deadline_s)
    binary = shutil.which(engine.binary) or shutil.which(str(config.at(Path(engine.binary))))
    if binary is None:
        raise ConfigError("engine.binary", f"there is no program {engine.binary}")
    return OpaEngine.child(Path(binary), deadline_s=deadline_s)


def make_activation(config: RemitConfig, registry: Registry) -> Activation:
    """The shipped policy, the configured extensions, and the registry's facts.

    Raises:
        ConfigError: a module cannot be read, or breaks the portable profile.
    """
    extensions: dict[str, str] = {}
    for folder in config.policy.extensions:
        extensions.update(read_extensions(config.at(folder)))
    settings = PolicySettings(max_secret_age_days=config.policy.max_secret_age_days)
    return activation(registry.organisation, settings, extensions)
