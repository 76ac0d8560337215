"""``remit test``: play scenarios on a real policy engine, and say what is not as expected."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from remit.cli.options import AsJson
from remit.cli.output import FINDING, NOT_EVALUATED, OK, counted, data, table, talk, told
from remit.config import RemitConfig
from remit.config.settings import EngineSettings
from remit.errors import ConfigError
from remit.policy.bundle import read_extensions
from remit.policy.manifest import activation
from remit.replay import Player, Result, as_json, find, load, write_junit
from remit.wiring.policy import make_engine

SCENARIOS: Final = Path("scenarios")
ENGINE_DEADLINE_MS: Final = 10_000
"""Nobody waits for these answers, so a busy machine is given time before it counts as no answer."""
PROGRESS_AFTER_S: Final = 2.0


def play(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Scenario files, or folders of them.  [default: scenarios]")
    ] = None,
    engine: Annotated[Literal["embedded", "opa"], typer.Option(help="Which engine judges.")] = "embedded",
    opa: Annotated[str, typer.Option(help="The OPA program, for --engine opa.")] = "opa",
    policy: Annotated[
        list[Path] | None, typer.Option(help="A folder of Rego of your own, to judge with as well.")
    ] = None,
    only: Annotated[str, typer.Option("-k", help="Only scenarios with this in name, path or tag.")] = "",
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report to this file.")] = None,
    json: AsJson = False,
) -> None:
    """Play scenarios through the gateway's own flows, in memory, and compare what happens."""
    with told():
        chosen = _chosen(paths or [SCENARIOS], only)
        extensions = {name: text for folder in policy or [] for name, text in read_extensions(folder).items()}
        results = asyncio.run(_play(chosen, EngineSettings(kind=engine, binary=opa), extensions))
        if junit is not None:
            write_junit(results, junit)
    data(as_json(results)) if json else _show(results)
    if code := exit_code(results):
        raise typer.Exit(code)


def exit_code(results: list[Result]) -> int:
    """What the results mean to whoever called: a failure counts before what could not be evaluated."""
    statuses = {result.status for result in results}
    return FINDING if "failed" in statuses else NOT_EVALUATED if "not_evaluated" in statuses else OK


def _chosen(paths: list[Path], only: str) -> list[Path]:
    """The scenario files to play. One that cannot be read is played, so that it is reported."""
    found = find(paths)
    chosen = [path for path in found if not only or _matches(path, only)]
    if not chosen:
        raise ConfigError(f"-k {only}", f"fits none of {counted(len(found), 'scenario')}")
    return chosen


def _matches(path: Path, words: str) -> bool:
    try:
        return load(path).matches(words)
    except ConfigError:
        return True


async def _play(paths: list[Path], engine: EngineSettings, extensions: dict[str, str]) -> list[Result]:
    settings = engine.model_copy(update={"deadline_ms": ENGINE_DEADLINE_MS})
    judge = make_engine(RemitConfig(environment="dev", engine=settings))
    player = Player(judge, partial(activation, extensions=extensions))
    started = time.monotonic()
    results: list[Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    progress = Progress(*columns, console=talk, transient=True)
    task = progress.add_task("scenarios", total=len(paths))
    try:
        for path in paths:
            results.append(await player.play_file(path))
            progress.advance(task)
            if talk.is_terminal and time.monotonic() - started > PROGRESS_AFTER_S:
                progress.start()
    finally:
        progress.stop()
        await judge.close()
    return results


def _show(results: list[Result]) -> None:
    rows = [(result.status.replace("_", " "), result.name, f"{result.ms} ms") for result in results]
    table("Scenarios", ("result", "scenario", "took"), rows)
    for result in results:
        for problem in result.problems:
            talk.print(f"[red]{result.status.replace('_', ' ')}[/red] {result.name}", highlight=False)
            talk.print(f"  {problem}", highlight=False, markup=False, soft_wrap=True)
    passed = sum(result.status == "passed" for result in results)
    talk.print(f"{passed} of {counted(len(results), 'scenario')} passed.")
