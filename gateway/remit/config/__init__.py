"""Settings: what an operator may write down, from files and the environment, checked before use."""

from remit.config.files import load_config, load_registry
from remit.config.settings import RemitConfig

__all__ = ["RemitConfig", "load_config", "load_registry"]
