"""The command line as a user has it: a process with arguments, files and pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import coterie
from coterie.cli import main

PACKAGE_FOLDER = str(Path(coterie.__file__).resolve().parent.parent)
TOPICS = (
    "apple banana cherry grape melon",
    "train engine rail station wagon",
    "violin cello opera concert aria",
)


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The variables of the processes: this checkout's package, a fixed terminal, no settings of the caller's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COTERIE_", "TERM", "FORCE"))
    }
    path = os.pathsep.join([PACKAGE_FOLDER, *filter(None, [os.environ.get("PYTHONPATH")])])
    return kept | {"PYTHONPATH": path, "TERM": "xterm", "COLUMNS": "100"}


@pytest.fixture(scope="session")
def coterie_command() -> list[str]:
    return [sys.executable, "-m", "coterie"]


@dataclass(frozen=True)
class Answer:
    """What a command printed."""

    stdout: str
    stderr: str


def checked(code: int, stdout: str, stderr: str, expected_code: int) -> Answer:
    assert code == expected_code, stderr
    if code == 1:
        assert stdout == ""
        assert stderr.startswith("coterie: ")
        assert stderr.count("\n") == 1
    return Answer(stdout, stderr)


@pytest.fixture
def run(environment, coterie_command, tmp_path) -> Callable[..., Answer]:
    """Run a command as a process in an empty folder; ``fails=1`` expects that code and one sentence on stderr."""

    def run_command(
        *arguments: object, stdin: str | bytes = b"", fails: int = 0, variables: dict[str, str] | None = None
    ) -> Answer:
        done = subprocess.run(
            [*coterie_command, *map(str, arguments)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=environment | (variables or {}),
            cwd=tmp_path,
            timeout=300,
            check=False,
        )
        return checked(done.returncode, done.stdout.decode(), done.stderr.decode(), fails)

    return run_command


@pytest.fixture
def call(tmp_path, monkeypatch, capsys) -> Callable[..., Answer]:
    """Run a command inside of this process, which saves the start; otherwise as ``run``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("COTERIE_DEBUG", raising=False)

    def call_command(*arguments: object, fails: int = 0) -> Answer:
        monkeypatch.setattr(sys, "argv", ["coterie", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return checked(ended.value.code or 0, printed.out, printed.err, fails)

    return call_command


@pytest.fixture(scope="session")
def documents() -> list[dict[str, object]]:
    """Sixty short documents about three things, with ids and labels."""
    rows = []
    for row in range(60):
        words = TOPICS[row % 3].split()
        text = " ".join(words[(row // 3 + step) % 5] for step in range(4))
        rows.append(
            {
                "id": f"d{row}",
                "text": text,
                "topic": ("fruit", "trains", "music")[row % 3],
                "year": 2000 + row,
            }
        )
    return rows


@pytest.fixture
def write_jsonl(tmp_path) -> Callable[[Sequence[dict[str, object]], str], Path]:
    def write(rows: Sequence[dict[str, object]], name: str = "documents.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def document_file(write_jsonl, documents) -> Path:
    return write_jsonl(documents)
