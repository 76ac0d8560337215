"""The timeline that a person reads: what was asked, what was decided and why, and what it took."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.table import Table

_COLOURS: Final = {"permit": "green", "deny": "red", "hold": "yellow", "refused": "red", "accepted": "green"}


@dataclass(slots=True)
class Row:
    """One thing that happened.

    Attributes:
        promised: what had to come of it; ``came`` is what did.
    """

    what: str
    promised: str
    came: str
    why: str = ""
    token: str = ""
    ms: float = 0.0

    @property
    def kept(self) -> bool:
        """Whether it came out as promised."""
        return self.promised == self.came


@dataclass(slots=True)
class Timeline:
    """What happened, in order; shown as it happens unless a program reads it."""

    console: Console | None
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """One more row."""
        self.rows.append(row)
        if self.console is not None:
            self.console.print(self._table(len(self.rows), row))

    @property
    def broken(self) -> list[Row]:
        """The promises that were not kept."""
        return [row for row in self.rows if not row.kept]

    def documents(self) -> list[dict[str, Any]]:
        """The rows for programs."""
        return [
            {
                "what": row.what,
                "promised": row.promised,
                "came": row.came,
                "why": row.why,
                "token": row.token,
                "ms": round(row.ms, 1),
            }
            for row in self.rows
        ]

    def _table(self, number: int, row: Row) -> Table:
        colour = _COLOURS.get(row.came, "cyan")
        mark = "" if row.kept else f" [bold red]promised {row.promised}[/bold red]"
        line = Table.grid(padding=(0, 1))
        line.add_column(width=2, justify="right", style="dim")
        line.add_column(width=34, overflow="fold")
        line.add_column(width=9)
        line.add_column(width=8, justify="right", style="dim")
        line.add_column(overflow="fold")
        why = f"{row.why}{f' [dim]{row.token}[/dim]' if row.token else ''}{mark}"
        line.add_row(str(number), row.what, f"[{colour}]{row.came}[/{colour}]", f"{row.ms:.1f} ms", why)
        return line
