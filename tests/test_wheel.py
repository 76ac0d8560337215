"""The wheel, installed where there is no checkout: it has its Rego, and ``remit try`` keeps its promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def ran(*command: str | Path, cwd: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REMIT_", "PYTHON"))}
    done = subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    ran(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (made,) = out.glob("*.whl")
    return made


def test_it_holds_the_package_and_the_rego_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {Path(name).relative_to("remit/_rego") for name in names if name.startswith("remit/_rego/")}
    rules = {file.relative_to(ROOT / "policies/rego") for file in (ROOT / "policies/rego").rglob("*.rego")}
    assert {name for name in shipped if name.suffix == ".rego"} == rules
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"remit"}
    assert not [name for name in names if "test" in Path(name).parts or name.endswith(".pyc")]


def test_it_works_far_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Only the locked dependencies are this environment's; remit itself is the wheel's."""
    ran(sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare", cwd=tmp_path)
    python = tmp_path / "bare/bin/python"
    ran(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-index",
        "--no-deps",
        wheel,
        cwd=tmp_path,
    )
    (site,) = (tmp_path / "bare/lib").glob("python*/site-packages")
    # A plain path line: what this environment itself links to, the checkout above all, is not followed.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = ran(python, "-c", "import remit; print(remit.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(site)
    said = ran(tmp_path / "bare/bin/remit", "try", "--json", cwd=tmp_path)
    assert json.loads(said)["kept"] is True
