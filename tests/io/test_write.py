"""Outputs are complete or absent after errors, interrupts and on a full disk; other files are not touched."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coterie.io import OutputFolder, atomic_write, write_assignments, write_clusters, write_metrics
from coterie.journey import Assignment, ClusterSummary

MARKER = ".coterie-output.json"


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_run(folder: Path, content: str, **options: bool) -> None:
    with OutputFolder(folder, **options) as output:
        output.file("metrics.json").write_text(content)
        output.file("model/manifest.json").write_text(content)


@contextmanager
def file_size_limit(n_bytes: int) -> Iterator[None]:
    """Writes beyond ``n_bytes`` of a file fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_output_folder_commits_everything_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    with OutputFolder(folder) as output:
        output.file("metrics.json").write_text("1")
        output.file("model/manifest.json").write_text("2")
        assert os.listdir(folder) == [output.staging.name]
    written = tree(folder)
    assert json.loads(written.pop(MARKER))["files"] == ["metrics.json", "model/manifest.json"]
    assert written == {"metrics.json": b"1", "model/manifest.json": b"2"}


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_nothing_is_left_after_an_error(tmp_path: Path, error: BaseException) -> None:
    def run(folder: Path, **options: bool) -> None:
        with OutputFolder(folder, **options) as output:
            output.file("metrics.json").write_text("half")
            raise error

    with pytest.raises(type(error)):
        run(tmp_path / "a" / "b" / "out")
    assert os.listdir(tmp_path) == []
    write_run(tmp_path / "out", "old")
    before = tree(tmp_path)
    with pytest.raises(type(error)):
        run(tmp_path / "out", overwrite=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("n_renames", range(5))
def test_interrupted_commit_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_renames: int
) -> None:
    folder = tmp_path / "out"
    write_run(folder, "old")
    before = tree(folder)
    rename = os.rename
    calls = 0

    def interrupted(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        rename(source, target)
        if calls == n_renames + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_run(folder, "new", overwrite=True)
    assert tree(folder) == before


def test_overwrite_replaces_the_earlier_run_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_run(folder, "old")
    with pytest.raises(FileExistsError, match="overwrite"):
        write_run(folder, "new")
    with OutputFolder(folder, overwrite=True) as output:
        output.file("metrics.json").write_text("new")
    assert set(tree(folder)) == {"metrics.json", MARKER}, "a stale model would be taken for the new one"
    (folder / "notes.txt").write_text("mine")
    before = tree(folder)
    with pytest.raises(FileExistsError, match=r"notes\.txt"):
        write_run(folder, "newer", overwrite=True)
    assert tree(folder) == before


@pytest.mark.parametrize("marker", ["", "[]", '{"files": 3}', "[" * 100_000])
def test_damaged_marker_protects_the_folder(tmp_path: Path, marker: str) -> None:
    write_run(tmp_path, "old")
    (tmp_path / MARKER).write_text(marker)
    with pytest.raises(FileExistsError, match="did not write"):
        write_run(tmp_path, "new", overwrite=True)


def test_killed_run_is_cleaned_up_and_a_live_one_is_respected(tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import os, signal, sys
        from coterie.io import OutputFolder
        with OutputFolder(sys.argv[1]) as output:
            output.file("metrics.json").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert [name.startswith(".coterie-staging-") for name in os.listdir(tmp_path)] == [True]
    with OutputFolder(tmp_path) as output:
        assert os.listdir(tmp_path) == [output.staging.name]
        with pytest.raises(FileExistsError, match="another run"):
            write_run(tmp_path, "second")
        output.file("metrics.json").write_text("first")
    assert (tmp_path / "metrics.json").read_text() == "first"


def test_output_folder_refuses_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file"):
        write_run(tmp_path / "file", "")
    inside = tmp_path / "out" / "deep" / "articles.jsonl"
    inside.parent.mkdir(parents=True)
    inside.write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for folder in (tmp_path / "out", tmp_path / "link"):
        with pytest.raises(ValueError, match="holds the input"), OutputFolder(folder, inputs=[inside]):
            pytest.fail("entered")
    with pytest.raises(OSError, match=r".+"), OutputFolder("/proc/coterie-cannot-be-made"):
        pytest.fail("entered")


def test_folder_that_is_not_writable(unprivileged_dir: Path) -> None:
    with pytest.raises(PermissionError), OutputFolder(unprivileged_dir / "out"):
        pytest.fail("entered")
    with pytest.raises(PermissionError), OutputFolder(unprivileged_dir / "empty"):
        pytest.fail("entered")
    with pytest.raises(PermissionError), atomic_write(unprivileged_dir / "pairs.csv"):
        pytest.fail("entered")


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../up", "a/../../up", MARKER])
def test_output_names_stay_inside(tmp_path: Path, name: str) -> None:
    with OutputFolder(tmp_path / "out") as output, pytest.raises(ValueError, match="relative path"):
        output.file(name)


def test_atomic_write(tmp_path: Path) -> None:
    target = tmp_path / "new" / "pairs.csv"
    with atomic_write(target) as staged:
        staged.write_text("1")
        assert not target.exists()
    assert tree(tmp_path) == {"new/pairs.csv": b"1"}
    with pytest.raises(FileExistsError, match="overwrite"), atomic_write(target):
        pytest.fail("entered")
    with (
        pytest.raises(ValueError, match="also an input"),
        atomic_write(target, overwrite=True, inputs=[target]),
    ):
        pytest.fail("entered")
    with pytest.raises(IsADirectoryError), atomic_write(tmp_path, overwrite=True):
        pytest.fail("entered")
    with pytest.raises(ZeroDivisionError), atomic_write(target, overwrite=True) as staged:
        staged.write_text(f"half {1 / 0}")
    assert tree(tmp_path) == {"new/pairs.csv": b"1"}
    with atomic_write(target, overwrite=True) as staged:
        staged.write_text("2")
    assert tree(tmp_path) == {"new/pairs.csv": b"2"}


ASSIGNMENT = Assignment(
    np.array([0, 1, 0], np.int32),
    np.array([0.5, 0.25, 1], np.float32),
    np.array([1, 0, -1], np.int32),
    np.array([0.125, 0, np.inf], np.float32),
)
SUMMARIES = [
    ClusterSummary(0, 2, [("rate", 1.5), ("面条", 0.5)], [2, 0]),
    ClusterSummary(1, 1, [], []),
]


def test_assignments_hold_every_document_and_the_kept_columns(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    columns = pa.table({"year": [1, 2, 3], "cluster": ["a", "b", "c"], "input_cluster": [7, 8, 9]})
    write_assignments(tmp_path / "a.parquet", pa.array(["x", "y", "z"]), ASSIGNMENT, columns)
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.names == [
        *("id", "cluster", "distance", "runner_up", "margin"),
        *("year", "input_input_cluster", "input_cluster"),
    ]
    assert [str(kind) for kind in table.schema.types[:5]] == ["string", "int32", "float", "int32", "float"]
    assert table.column("id").to_pylist() == ["x", "y", "z"]
    assert table.column("cluster").to_pylist() == [0, 1, 0]
    assert table.column("margin").to_pylist() == [0.125, 0, np.inf]
    assert table.column("input_cluster").to_pylist() == [7, 8, 9]
    with pytest.raises(ValueError, match="'id' has 1 values for 3 documents"):
        write_assignments(tmp_path / "b.parquet", [1], ASSIGNMENT)


def test_clusters_are_json_lines(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    texts = ["<script>", "b", "lone \ud800 surrogate\nand a line"]
    write_clusters(tmp_path / "c.jsonl", SUMMARIES, texts, pa.array([5, 6, 7]))
    first, second = map(json.loads, (tmp_path / "c.jsonl").read_text(encoding="utf-8").splitlines())
    assert first["terms"] == [{"term": "rate", "weight": 1.5}, {"term": "面条", "weight": 0.5}]
    assert first["representatives"] == [
        {"row": 2, "id": 7, "text": texts[2]},
        {"row": 0, "id": 5, "text": texts[0]},
    ]
    assert second == {"cluster": 1, "size": 1, "terms": [], "representatives": []}


def test_metrics_are_strict_json(tmp_path: Path) -> None:
    metrics = {
        "nmi": np.float64(0.5),
        "bad": float("nan"),
        "sizes": np.array([2, 1]),
        "deep": {"range": (1, np.inf), 3: None, "path": tmp_path},
    }
    write_metrics(tmp_path / "m.json", metrics)
    assert json.loads((tmp_path / "m.json").read_text(), parse_constant=pytest.fail) == {
        "nmi": 0.5,
        "bad": None,
        "sizes": [2, 1],
        "deep": {"range": [1, None], "3": None, "path": str(tmp_path)},
    }


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("limit", [0, 100, 5000])
def test_full_disk_leaves_no_half_files(tmp_path: Path, limit: int, old: bool) -> None:
    pa = pytest.importorskip("pyarrow")
    n_documents = 50_000
    random = np.random.default_rng(0)
    labels = random.integers(0, 50, n_documents).astype(np.int32)
    distances = random.random(n_documents).astype(np.float32)
    assignment = Assignment(labels, distances, labels, distances)
    if old:
        write_run(tmp_path / "out", "old")
    before = tree(tmp_path)
    with (
        file_size_limit(limit),
        pytest.raises(OSError, match="too large"),
        OutputFolder(tmp_path / "out", overwrite=True) as output,
    ):
        write_assignments(output.file("a.parquet"), pa.array(range(n_documents)), assignment)
    assert tree(tmp_path) == before
    assert os.listdir(tmp_path) == (["out"] if old else [])
    for write in (
        lambda path: write_clusters(path, SUMMARIES * 200, ["some text"] * 3, [1, 2, 3]),
        lambda path: write_metrics(path, {"values": distances}),
    ):
        with (
            file_size_limit(limit),
            pytest.raises(OSError, match="too large"),
            atomic_write(tmp_path / "out" / "one.json") as staged,
        ):
            write(staged)
        assert "out/one.json" not in tree(tmp_path)


@pytest.mark.parametrize("make", [OutputFolder, atomic_write])
def test_full_disk_is_named_by_its_place(tmp_path: Path, make: Any) -> None:
    """A failed write says neither where it was nor, wrapped by Arrow, anything but a sentence of its own."""
    with pytest.raises(OSError, match="No space left on device") as raised, make(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "Error writing bytes to file")
    assert (raised.value.strerror, raised.value.filename) == (
        "No space left on device",
        str(tmp_path / "out"),
    )
