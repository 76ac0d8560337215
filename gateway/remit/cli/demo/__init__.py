"""``remit try``: one gateway process, one tool process, one agent session; every promise is checked."""

from remit.cli.demo.command import try_it

__all__ = ["try_it"]
