"""Settings: what an operator may write down, from files and the environment, checked before use."""

from remit.config.files import config_file, load_config, load_registry, variables
from remit.config.settings import RemitConfig

__all__ = ["RemitConfig", "config_file", "load_config", "load_registry", "variables"]
