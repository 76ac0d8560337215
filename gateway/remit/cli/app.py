"""The ``remit`` command: its groups, and the options that all of them share."""

from __future__ import annotations

import typer

from remit import __version__
from remit.cli import audit, check, demo, keys, log, revoke, serve, test
from remit.config.settings import LogSettings
from remit.wiring.observing import configure_logging

app = typer.Typer(
    name="remit",
    help="An authorization gateway for AI agents' tool calls.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"remit {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(  # noqa: ARG001 - its callback does the work
        False,
        "--version",
        callback=_version,
        is_eager=True,
        help="Say which version this is.",
    ),
) -> None:
    """An authorization gateway for AI agents' tool calls."""
    configure_logging(LogSettings(level="warning", format="console"))


app.command("try")(demo.try_it)
app.command("init")(serve.init)
app.command("serve")(serve.serve)
app.command("check")(check.check)
app.command("test")(test.play)
app.command("runs")(log.runs)
app.command("decisions")(log.decisions)
app.command("revoke")(revoke.revoke)
app.add_typer(audit.audit, name="audit")
app.add_typer(keys.keys, name="keys")
app.add_typer(check.config, name="config")
