"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Config: TypeAlias = Annotated[
    Path,
    typer.Option("--config", "-c", help="remit.yaml, or the folder that holds it.", envvar="REMIT_CONFIG"),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Limit: TypeAlias = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many rows.")]

HERE = Path()
