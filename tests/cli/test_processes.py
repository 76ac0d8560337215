"""The commands as processes: what they print, which code they end with, and what a running server notices."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from remit.cli import sample

pytestmark = pytest.mark.slow

OK, FAILED, USAGE, FINDING, NOT_EVALUATED = range(5)
ROOT = Path(__file__).parents[2]


def test_try_keeps_its_promises(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "remit", "try", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == OK, done.stdout + done.stderr
    assert json.loads(done.stdout)["kept"] is True
    assert list(tmp_path.iterdir()) == []  # it leaves nothing behind


def test_a_configuration_is_written_once_and_is_well(remit) -> None:
    again = remit.here("init", ".")
    assert (again.exit_code, "already there" in again.stderr) == (FAILED, True)
    assert remit.json("check") == {"tools": 4, "found": []}
    shown = remit.here("config", "show")
    assert json.loads(shown.stdout)["environment"] == "dev"
    assert remit.here("check", REMIT_TOKEN="x", REMIT_CONFIG=str(remit.folder)).exit_code == OK


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("remit.yaml", "environment: dev", "environment: [dev", USAGE),
        ("remit.yaml", "environment: dev", "environmnt: dev", USAGE),
        ("catalogue/payables.yaml", "name: mail.send", "name: documents.read", USAGE),
        ("catalogue/payables.yaml", "impact: write", "impact: read", FINDING),
        ("templates/pay-invoice.yaml", "name: mail.send", "name: nobody.knows", USAGE),
        ("inventory/people.yaml", sample.AGENT, "spiffe://example.org/other", FINDING),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(remit, file, old, new, code) -> None:
    path = remit.folder / file
    text = path.read_text()
    assert old in text
    try:
        path.write_text(text.replace(old, new))
        done = remit.here("check", "--json")
        assert done.exit_code == code, done.stderr
        assert (
            Path(file).name in done.stderr
            or new.split(": ")[-1] in done.stderr + done.stdout
            or code == FINDING
        )
    finally:
        path.write_text(text)


@pytest.mark.parametrize(
    ("arguments", "variables", "code"),
    [
        (["check"], {"REMIT_TYPO": "1"}, USAGE),
        (["check", "-c", "/nowhere"], {}, USAGE),
        (["runs"], {}, NOT_EVALUATED),
        (["decisions", "--json"], {}, NOT_EVALUATED),
        (["revoke", "all", "--reason", "y"], {}, NOT_EVALUATED),
        (["audit", "verify"], {"REMIT_DATA": "elsewhere"}, USAGE),
        (["audit", "verify", "--json"], {"REMIT_STORE__PATH": "none.db"}, USAGE),
        (["no-such-command"], {}, USAGE),
        (["serve"], {"REMIT_ENGINE__KIND": "opa", "REMIT_ENGINE__BINARY": "no-such-opa"}, USAGE),
    ],
)
def test_exit_codes(remit, arguments, variables, code) -> None:
    done = remit.here(*arguments, **variables)
    assert (done.exit_code, done.stdout) == (code, ""), done.stderr


def test_a_day_of_a_server(remit) -> None:
    with remit.serving() as server:
        opener = remit.token(sample.USER, "user")
        body = {
            "template": sample.TEMPLATE,
            "parameters": {"supplier": "Acme", "contact": "a@acme.example"},
            "task": "t",
        }
        status, opened = remit.http("POST", "/v1/runs", opener, body)
        assert status == 201
        call = {"tool": "suppliers.get", "arguments": {"name": "Acme"}}
        path = f"/v1/runs/{opened['run']}/calls/c1?mode=authorize"
        status, permit = remit.http("PUT", path, opened["token"], call)
        assert permit["decision"] == "permit"
        assert remit.json("runs")["run"] == opened["run"]
        decisions = remit.json("decisions")
        assert {row["decision"] for row in decisions} == {"permit"}
        _explains(remit, permit["decision_id"])
        _rotates(remit)
        assert remit.json("revoke", "run", opened["run"], "--reason", "x")["verifiers"]["connected"] == 0
        lifted = remit.here("revoke", "tool", "mail.send", "--lift", "--reason", "x")
        assert (lifted.exit_code, "no such kill stands" in lifted.stderr) == (FAILED, True)
        assert remit.json("revoke", "all", "--reason", "x")["sequence"] > 0
        server.send_signal(signal.SIGTERM)
        assert server.wait(15) == 0
    report = remit.json("audit", "verify")
    assert report["checkpoints"] >= 1
    assert report["unsealed"] == 1  # the last checkpoint's own record
    _witnesses(remit, report)
    _tampered(remit)


def _explains(remit, decision: str) -> None:
    assert remit.json("decisions", decision, "--for", "auditor")["decision"] == "permit"
    shown = remit.here("decisions", decision, "--for", "engineer").stdout
    for words in ("tool: suppliers.get", "call_id: c1", "run: run_", "time: ", "code: CALL_WITHIN_REMIT"):
        assert words in shown
    shown = remit.here("decisions", decision, "--for", "agent").stdout
    assert decision in shown
    assert "remedy" not in shown


def _witnesses(remit, report) -> None:
    """A witness that is asked for is used, or its path is the error."""
    assert report["witness"] == "remit-data/witness.jws"
    kept = remit.folder / "kept.jws"
    kept.write_text(report["last_checkpoint"] + "\n")
    shown = remit.here("audit", "verify", "--witness", "kept.jws").stdout
    assert "Witness: kept.jws" in shown
    assert "Unsealed: the newest checkpoint itself." in shown
    assert report["last_checkpoint"] in shown
    kept.write_text("junk")
    for name in ("kept.jws", "missing.jws", "catalogue"):
        done = remit.here("audit", "verify", "--witness", name)
        assert (done.exit_code, f"error: {name}: " in done.stderr) == (USAGE, True), done.stderr


def _rotates(remit) -> None:
    """A key that another process made is published by the running server."""
    before = {key["kid"] for key in remit.http("GET", "/.well-known/jwks.json")[1]["keys"]}
    rotated = remit.json("keys", "rotate", "access")
    new = rotated["kid"]
    assert new not in before
    listed = {key["kid"]: key for key in remit.json("keys", "list")}
    assert (listed[new]["state"], listed[new]["signs_from"]) == ("published", rotated["signs_from"])
    assert {listed[kid]["state"] for kid in before & set(listed)} == {"signing"}
    until = time.monotonic() + 10
    while new not in {key["kid"] for key in remit.http("GET", "/.well-known/jwks.json")[1]["keys"]}:
        assert time.monotonic() < until
        time.sleep(0.2)


def _tampered(remit) -> None:
    database = sqlite3.connect(remit.folder / "remit-data" / "remit.db")
    (position, raw) = database.execute(
        "SELECT position, raw FROM records WHERE kind = 'call.decided' LIMIT 1"
    ).fetchone()
    changed = bytes(raw).replace(b"permit", b"PERMIT", 1)
    database.execute("UPDATE records SET raw = ? WHERE position = ?", (changed, position))
    database.commit()
    database.close()
    assert remit.here("audit", "verify").exit_code == FINDING


def test_every_help_page_prints(remit) -> None:
    for command in ([], ["audit"], ["keys"], ["config"], ["serve"], ["decisions"], ["revoke"]):
        assert remit.here(*command, "--help").exit_code == OK
    assert remit.here("--version").stdout.startswith("remit ")
