"""The Rego that goes into force: what is shipped, and what an organisation added, read and checked.

Nothing here evaluates policy. An extension that does not keep to the portable profile is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, get_args

from remit.errors import ConfigError
from remit.model.decision import Question

QUESTIONS: Final[tuple[Question, ...]] = get_args(Question)
MAX_MODULE_BYTES: Final = 262_144
MAX_MODULES: Final = 512

_EXTENSION_PACKAGE: Final = re.compile(r"package (custom(?:\.[a-z][a-z0-9_]{0,63}){1,4})")
_GATHER_HEAD: Final = """# Generated at activation from the configured extensions.
package remit.extension.{question}

import rego.v1

packages contains "extension/{question}"

deny := data.remit.lib.extension_denials(_said)

hold := data.remit.lib.extension_holds(_said)

obligations := data.remit.lib.extension_obligations(_said)"""
_TEXT: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|`[^`]*`|#[^\n]*")
_NOT_PORTABLE: Final = re.compile(
    r"\b(http\.send|net\.lookup_ip_addr|opa\.runtime|io\.jwt|crypto\.|rego\.(?:metadata|parse_module)"
    r"|time\.now_ns|rand\.|uuid\.|trace(?=\()|print(?=\()|data\.remit\.(?:run|plan|call|extension))\b"
)
"""What differs between engines, reaches outside, depends on when it is asked, or asks back."""


def shipped_rego() -> Path:
    """The directory of the shipped Rego, in an installed wheel or in a checkout."""
    package = Path(__file__).parents[1]
    wheel, checkout = package / "_rego", package.parents[1] / "policies" / "rego"
    for root in (wheel, checkout):
        if (root / "remit").is_dir():
            return root
    raise ConfigError(str(wheel), "the shipped policy is missing; install remit again")


def read_modules(root: Path) -> dict[str, str]:
    """Rego source by path below ``root``, without the tests.

    Raises:
        ConfigError: none at all, too many, too long, or not UTF-8.
    """
    found = {path.relative_to(root).as_posix(): _read(path) for path in sorted(_rego_files(root))}
    if not 0 < len(found) <= MAX_MODULES:
        raise ConfigError(str(root), f"must hold between 1 and {MAX_MODULES} Rego files")
    return found


def read_extensions(root: Path) -> dict[str, str]:
    """An organisation's own modules, by path below ``custom/``, checked for the portable profile.

    Raises:
        ConfigError: names file and line, and what would be right.
    """
    modules = read_modules(root)
    for path, source in modules.items():
        check_portable(str(root / path), source)
    return {f"custom/{path}": source for path, source in modules.items()}


def check_portable(where: str, source: str) -> str:
    """The package of an extension module that means the same to every engine.

    Raises:
        ConfigError: it does not; names the line.
    """
    lines = [line.strip() for line in _TEXT.sub(_blank, source).split("\n")]
    first = next((number for number, line in enumerate(lines) if line), 0)
    package = _EXTENSION_PACKAGE.fullmatch(lines[first])
    if package is None:
        raise ConfigError(f"{where}:{first + 1}", "must begin with `package custom.<name>.<question>`")
    for problem, number in _profile_breaches(lines):
        raise ConfigError(f"{where}:{number}", problem)
    return package[1]


def _profile_breaches(lines: list[str]) -> Iterator[tuple[str, int]]:
    if "import rego.v1" not in lines:
        yield "must have `import rego.v1`", 1
    for number, line in enumerate(lines, start=1):
        if re.search(r"\bnot\b", line.replace("import future.keywords.not", "")) and (
            "import future.keywords.not" not in lines
        ):
            yield "uses `not`, so it must have `import future.keywords.not`", number
        if line.startswith("import data."):
            yield "must name rules by their full path: Regorus can lose rules behind an alias", number
        if found := _NOT_PORTABLE.search(line):
            yield f"may not use {found[1]}: policies are portable, pure and never ask back", number


def extension_packages(modules: Mapping[str, str]) -> dict[Question, tuple[str, ...]]:
    """The extension packages that answer each question: ``custom.<name>.<question>``, sorted.

    Raises:
        ConfigError: one of them does not say that it was evaluated.
    """
    sources: dict[str, str] = {}
    for path, source in modules.items():
        package = check_portable(path, source)
        sources[package] = sources.get(package, "") + source
    answering = [p for p in sources if p.count(".") == 2 and p.rpartition(".")[2] in QUESTIONS]
    for package in answering:
        marker = f'packages contains "{package.replace(".", "/")}"'
        if marker not in sources[package]:
            raise ConfigError(package, f"must have `{marker}`, which proves that it was evaluated")
    return {q: tuple(sorted(p for p in answering if p.endswith(f".{q}"))) for q in QUESTIONS}


def gather_module(question: Question, packages: tuple[str, ...]) -> str:
    """The Rego that lists what extensions say to one question. Explicit, so that none can be added."""
    blocks = [_GATHER_HEAD.format(question=question)]
    for package in packages:
        rule = package.replace(".", "/")
        blocks.append(f'packages contains "{rule}" if "{rule}" in data.{package}.packages')
        blocks += [
            f'_said contains {{"rule": "{rule}", "part": "{part}", "value": data.{package}.{part}}}'
            for part in ("deny", "hold", "obligations")
        ]
    if not packages:
        blocks.append("_said := set()")
    return "\n\n".join(blocks) + "\n"


def _rego_files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*.rego") if not path.name.endswith("_test.rego"))


def _read(path: Path) -> str:
    if path.stat().st_size > MAX_MODULE_BYTES:
        raise ConfigError(str(path), f"longer than {MAX_MODULE_BYTES} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "is not UTF-8") from error


def _blank(text: re.Match[str]) -> str:
    """As many lines of nothing, so that line numbers still hold."""
    return "\n" * text[0].count("\n")
