"""How commands talk: data on standard output, everything else on standard error, and exit codes.

Exit codes: 0 done · 1 the gateway or a tool failed · 2 wrong usage · 3 a finding, or an expectation
that was not met · 4 could not be evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table

from remit.errors import ConfigError, InputError, IntegrityError, RemitError, UnavailableError

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
FINDING: Final = 3
NOT_EVALUATED: Final = 4

out = Console()
talk = Console(stderr=True)


def data(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, default=str))


def lines(values: Iterable[Any]) -> None:
    """JSON documents on standard output, one per line."""
    for value in values:
        data(value)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """A table for people."""
    shown = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(shown)


@contextmanager
def told() -> Iterator[None]:
    """Turn an error into words and an exit code."""
    try:
        yield
    except RemitError as error:
        talk.print(f"[red]error[/red]: {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(_code(error)) from error


def _code(error: RemitError) -> int:
    match error:
        case ConfigError() | InputError():
            return USAGE
        case IntegrityError():
            return FINDING
        case UnavailableError():
            return NOT_EVALUATED
        case _:
            return FAILED
