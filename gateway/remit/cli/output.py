"""How commands talk: data on standard output, everything else on standard error, and exit codes.

Exit codes: 0 done · 1 the gateway or a tool failed · 2 wrong usage · 3 a finding, or an expectation
that was not met · 4 could not be evaluated.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from remit.errors import ConfigError, InputError, IntegrityError, RemitError, UnavailableError

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
FINDING: Final = 3
NOT_EVALUATED: Final = 4

GAP: Final = 2
"""Between two columns of a table, characters."""

out = Console()
talk = Console(stderr=True)


def data(value: Any, *, indent: int | None = None) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, default=str, indent=indent))


def lines(values: Iterable[Any]) -> None:
    """JSON documents on standard output, one per line."""
    for value in values:
        data(value)


def say(text: str) -> None:
    """One line of data for people: no markup, and wrapped by nobody."""
    print(printable(text))


def printable(text: str) -> str:
    """``text`` without what would steer a terminal: agents choose some of the words that are shown."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def table(title: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """A table for people; tab-separated lines where standard output is no terminal.

    Nothing in it is cut or wrapped: what does not fit a terminal loses columns, the last ones first.
    """
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    if not out.is_terminal:
        for line in (columns, *cells):
            print("\t".join(line))
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    fitting = [n for n in range(1, len(widths) + 1) if sum(widths[:n]) + GAP * (n - 1) <= out.width]
    shown = Table(title=title, title_justify="left", box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for column in columns[: max(fitting, default=1)]:
        shown.add_column(column, no_wrap=True, overflow="ignore")
    for row in cells:
        shown.add_row(*map(Text, row[: len(shown.columns)]))
    out.print(shown, soft_wrap=True)


def moment(ms: int) -> str:
    """Epoch milliseconds for people, UTC."""
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


def counted(number: int, noun: str) -> str:
    """``1 record``, ``2 records``, ``2 batches``."""
    plural = "es" if noun.endswith("ch") else "s"
    return f"{number} {noun}{'' if number == 1 else plural}"


@contextmanager
def told() -> Iterator[None]:
    """Turn an error into words and an exit code."""
    try:
        yield
    except RemitError as error:
        _complain(str(error))
        raise typer.Exit(_code(error)) from error
    except OSError as error:  # a file that may not be read, a disk that is full
        _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        raise typer.Exit(FAILED) from error


def _complain(problem: str) -> None:
    talk.print("[red]error[/red]: ", end="")
    words = "\n".join(map(printable, problem.splitlines()))
    talk.print(words, highlight=False, markup=False, soft_wrap=True)


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
