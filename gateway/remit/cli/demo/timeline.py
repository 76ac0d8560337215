"""The timeline that a person reads: what was asked, what was decided and why, and what it took."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.table import Table

_COLOURS: Final = {
    "permit": "green",
    "accepted": "green",
    "hold": "yellow",
    "deny": "red",
    "refused": "red",
    "wrong": "red",
}


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

    def say(self, words: str) -> None:
        """What the story is up to."""
        if self.console is not None:
            self.console.print(f"\n[bold]{words}[/bold]", highlight=False)

    def add(self, row: Row) -> None:
        """One more row."""
        self.rows.append(row)
        if self.console is not None:
            self.console.print(self._line(len(self.rows), row))

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

    def _line(self, number: int, row: Row) -> Table:
        colour = _COLOURS.get(row.came, "cyan")
        line = Table.grid(padding=(0, 1), expand=True)
        line.add_column(width=2, justify="right", style="dim")
        line.add_column(ratio=1, overflow="fold")
        line.add_column(width=9)
        line.add_column(width=8, justify="right", style="dim")
        line.add_row(str(number), row.what, f"[{colour}]{row.came}[/{colour}]", f"{row.ms:.1f} ms")
        notes = [row.why, f"token …{row.token[-6:]}" if row.token else ""]
        if not row.kept:
            notes.append(f"[bold red]promised: {row.promised}[/bold red]")
        if any(notes):
            line.add_row("", f"[dim]{' · '.join(filter(None, notes))}[/dim]", "", "")
        return line
