"""Which files the rules look at, and what all of them have to keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

_FOLDERS = ("cpp", "python", "tests", "bench", "docs", ".ci", "examples")
_SOURCE = {
    ".py",
    ".pyi",
    ".cpp",
    ".hpp",
    ".cu",
    ".cuh",
    ".txt",
    ".md",
    ".html",
    ".js",
    ".css",
    ".toml",
    ".sh",
    "",
}
_SKIPPED = {"__pycache__", "build", ".mypy_cache", ".ruff_cache", ".hypothesis", ".benchmarks"}


def source_files(*suffixes: str, root: Path = ROOT, folders: tuple[str, ...] = _FOLDERS) -> Iterator[Path]:
    """Every source file of the project, in a fixed order; with suffixes, only those."""
    wanted = set(suffixes) or _SOURCE
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in wanted and not _SKIPPED & set(path.parts):
                yield path


def name_of(path: Path, root: Path = ROOT) -> str:
    return path.relative_to(root).as_posix()


def too_long(text: str, limit: int = MAX_FILE_LINES) -> list[str]:
    n_lines = text.count("\n")
    return [f"{n_lines} lines; the limit is {limit}"] if n_lines >= limit else []


def unfinished(text: str) -> list[str]:
    """Marks of work left for later."""
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    return [f"line {n}: {line.strip()}" for n, line in enumerate(text.splitlines(), 1) if marks.search(line)]


def machine_paths(text: str) -> list[str]:
    """Absolute paths that exist on one developer's machine only."""
    paths = re.compile(r"(?<![\w.~$}/])/(home|root|Users|work|opt)/[\w.]+")
    return [f"line {n}: {line.strip()}" for n, line in enumerate(text.splitlines(), 1) if paths.search(line)]
