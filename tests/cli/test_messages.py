"""What a newcomer gets wrong first: one line that names what to change, and never a traceback."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import get_args

import pytest
from rich.console import Console

from remit.cli import output
from remit.cli.keys import Named
from remit.model.principal import Role

OK, FAILED, USAGE, FINDING, NOT_EVALUATED = range(5)


@pytest.fixture
def edit(remit):
    """Change a file of the configuration until the test ends."""
    kept: dict[Path, str] = {}

    def edit(file: str, old: str, new: str) -> None:
        path = remit.folder / file
        text = kept.setdefault(path, path.read_text())
        assert old in text
        path.write_text(text.replace(old, new))

    yield edit
    for path, text in kept.items():
        path.write_text(text)


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (["check"], {"REMIT_AGENT__PORT": "abc"}, "REMIT_AGENT__PORT: must be a whole number"),
        (["check"], {"REMIT_FLOWS": "abc"}, "REMIT_FLOWS: must be JSON"),
        (["check"], {"REMIT_AGENT__PORT": "9", "REMIT_ADMIN__PORT": "9"}, "agent.port"),
        (["serve"], {"REMIT_DATA": "remit.yaml"}, "data: "),
        (["serve"], {"REMIT_DATA": "/proc/nowhere"}, "data: "),
        (["check", "-c", "catalogue"], {}, "there is no remit.yaml here"),
        (["check", "-c", "nowhere/remit.yaml"], {}, "there is no remit.yaml here"),
        (["revoke", "run", "run_1", "--reason", "x"], {}, "is not a run id"),
        (["revoke", "token", "tok_1", "--reason", "x"], {}, "is not a token id"),
        (["revoke", "tool", "--reason", "x"], {}, "say which tool"),
        (["revoke", "tool", "mail.sned", "--reason", "x"], {}, "tool mail.sned: "),
        (["revoke", "server", "nobody", "--reason", "x"], {}, "server nobody: "),
        (["revoke", "agent", "nobody", "--reason", "x"], {}, "agent nobody: "),
        (["revoke", "tenant", "nobody", "--reason", "x"], {}, "tenant nobody: "),
        (["revoke", "everything", "x", "--reason", "x"], {}, "is not one of"),
        (["keys", "dev-token", "x", "--role", "king"], {}, "king"),
    ],
)
def test_wrong_usage_is_said_in_one_line(remit, arguments, variables, said) -> None:
    done = remit.here(*arguments, **variables)
    assert (done.exit_code, done.stdout) == (USAGE, ""), done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["tool", "mail.send"], ["tool", "mail.sned", "--force"], ["tool", "mail.sned", "--lift"], ["all"]],
)
def test_the_brake_asks_a_gateway_that_is_not_there(remit, arguments) -> None:
    done = remit.here("revoke", *arguments, "--reason", "x")
    assert done.exit_code == NOT_EVALUATED
    assert "is 'remit serve' running there?" in done.stderr
    assert "UNSAFE" not in done.stderr


@pytest.mark.parametrize("plane", ["agent", "admin"])
def test_a_port_that_is_taken_names_its_setting(remit, plane) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = remit("serve", **{f"REMIT_{plane.upper()}__PORT": str(taken.getsockname()[1])})
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert f"{plane}.port: cannot listen on 127.0.0.1:" in done.stderr


def test_an_address_of_another_machine_names_its_setting(remit) -> None:
    done = remit("serve", REMIT_AGENT__HOST="192.0.2.1")
    assert done.returncode == USAGE
    assert "agent.host: cannot listen on 192.0.2.1:" in done.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "where"),
    [
        ("catalogue/payables.yaml", "environment: dev", "environment: prod", "tool mail.send"),
        ("inventory/people.yaml", "- dev", "- prod", "agent spiffe://example.org/agent/payables"),
        ("catalogue/payables.yaml", "allow_private: true", "allow_private: false", "tool mail.send"),
    ],
)
def test_check_says_what_would_refuse_every_call(remit, edit, file, old, new, where) -> None:
    edit(file, old, new)
    assert where in {found["where"] for found in remit.json("check")["found"]}


def test_check_prints_the_review_that_is_missing(remit, edit) -> None:
    edit("catalogue/payables.yaml", "impact: write", "impact: read")
    done = remit.here("check")
    block = textwrap.dedent(done.stdout[done.stdout.index("  reviewed:") :])
    text = (remit.folder / "catalogue/payables.yaml").read_text()
    head, _, tail = text.rpartition("  reviewed:")
    assert "name: mail.send" in head
    (remit.folder / "catalogue/payables.yaml").write_text(head + textwrap.indent(block, "  "))
    assert remit.here("check").exit_code == OK, tail


def test_check_passes_no_file_over(remit) -> None:
    passed_over = remit.folder / "templates" / "more.yml"
    passed_over.write_text("templates: []\n")
    try:
        (found,) = remit.json("check")["found"]
    finally:
        passed_over.unlink()
    assert "more.yml" in found["where"]


def test_config_show_says_where_it_comes_from(remit) -> None:
    shown = json.loads(remit.here("config", "show").stdout)
    assert shown["data"] == "<redacted>"
    assert shown["file"] == str(remit.folder / "remit.yaml")
    assert shown["variables"] == ["REMIT_ADMIN__PORT", "REMIT_AGENT__PORT"]
    assert remit.json("config", "show", "--no-redacted")["data"] == "remit-data"


def test_short_help(remit) -> None:
    for command in ([], ["audit", "verify"], ["revoke"]):
        assert remit.here(*command, "-h").exit_code == OK


def test_every_role_can_be_asked_for() -> None:
    assert {one.value for one in Named} == set(get_args(Role))


def test_a_table_loses_columns_and_never_cuts_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(output, "out", Console(file=shown, force_terminal=True, no_color=True, width=80))
    output.table("Runs", ("run", "template", "agent"), [("r" * 30, "t" * 40, "a" * 40)])
    assert "r" * 30 + "  " + "t" * 40 in shown.getvalue()
    assert "agent" not in shown.getvalue()


def test_a_table_for_a_program_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    output.table("Runs", ("run", "agent"), [("r" * 300, None), ("x", "[red]\x1b[2Jy")])
    assert capsys.readouterr().out == f"run\tagent\n{'r' * 300}\t\nx\t[red]\ufffd[2Jy\n"


def test_without_the_embedded_engine_the_rest_runs(remit) -> None:
    program = "import sys; sys.modules['regorus'] = None; from remit.cli.app import app; app()"
    for command, code, said in (
        ("keys", OK, ""),
        ("check", USAGE, "engine.kind: embedded needs the extra: pip install 'remit[embedded]'"),
    ):
        words = [command, "list"] if command == "keys" else [command]
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=remit.folder,
            env=remit.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_at_once_and_sighup_does_not(number: signal.Signals) -> None:
    program = f"""
        import asyncio, os, uvloop
        from remit.wiring.server import _until_told
        async def main():
            stop = _until_told()
            os.kill(os.getpid(), {signal.SIGHUP:d})
            await asyncio.sleep(0.1)
            assert not stop.is_set()
            os.kill(os.getpid(), {number:d})
            await stop.wait()
            os.kill(os.getpid(), {number:d})
            await asyncio.sleep(5)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, timeout=20, check=False
    )
    assert done.returncode == 128 + number, done.stderr
