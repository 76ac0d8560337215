"""remit: an authorization gateway for AI agents' tool calls.

The package is layered and imports run one way only; ``docs/architecture.md`` draws the layers and
``pyproject.toml`` makes the build check them.
"""

__version__ = "0.1.0"
