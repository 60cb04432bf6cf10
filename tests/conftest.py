"""What every test may use: real data when it is there, every instruction set and several thread counts."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coterie import _core

ROOT = Path(__file__).resolve().parent.parent
THREAD_COUNTS = (1, 2, 3, 7)
# Every instruction set of this CPU; where COTERIE_CPU names one, the run is about that one alone.
ISAS = [_core.active_isa()] if "COTERIE_CPU" in os.environ else _core.available_isas()


def pytest_configure() -> None:
    """Answer Ctrl-C: a runner in the background starts with SIGINT ignored, and so would every child of a test."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``-m gpu`` look into ``tests/gpu`` alone: other tests need packages that a machine with a GPU may lack."""
    folder = ROOT / "tests" / "gpu"
    leads_there = folder in (collection_path, *collection_path.parents) or collection_path in folder.parents
    return True if config.option.markexpr == "gpu" and not leads_there else None


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of text sets: ``$COTERIE_DATA``, else ``../shared/data`` beside the checkout."""
    folder = Path(os.environ.get("COTERIE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no data sets: {folder} is not a folder (set COTERIE_DATA)")
    return folder


@pytest.fixture(scope="session")
def load_rows(data_dir: Path) -> Callable[..., list[dict[str, Any]]]:
    """Read a set: ``load_rows("ag_news", "train", limit=500)`` gives its first rows as dictionaries."""

    def load(name: str, part: str = "train", limit: int | None = None) -> list[dict[str, Any]]:
        path = data_dir / name / f"{part}.jsonl.gz"
        if not path.is_file():
            pytest.skip(f"no data set: {path} is not a file")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for _, line in zip(range(limit or 2**62), lines, strict=False)]

    return load


@pytest.fixture
def every_isa() -> Iterator[list[str]]:
    """Names for ``_core.set_isa``, slowest first; the process's own choice is restored after the test."""
    before = _core.active_isa()
    yield list(ISAS)
    _core.set_isa(before)


@pytest.fixture(params=ISAS)
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once under each instruction set that this CPU has."""
    before = _core.active_isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(before)


@pytest.fixture(params=THREAD_COUNTS)
def n_threads(request: pytest.FixtureRequest) -> int:
    """Run the test once for each of 1, 2, 3 and 7 threads."""
    return int(request.param)


@pytest.fixture
def every_n_threads() -> tuple[int, ...]:
    """The thread counts to compare with each other inside one test."""
    return THREAD_COUNTS
