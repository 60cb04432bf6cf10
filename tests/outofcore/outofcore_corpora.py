"""Corpora on disk, the journey in memory over them, and what the two leave."""

from __future__ import annotations

import json
import random
from pathlib import Path

from coterie.cli import cluster as command
from coterie.cli.documents import InputOptions, read_documents
from coterie.cli.progress import Stages
from coterie.io import OutputFolder

THINGS = [f"thing{i}" for i in range(40)]


def documents(n=900, seed=0):
    """Documents about nine groups of words, some empty, some repeated, with columns of mixed types."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        group = rng.randrange(9)
        words = [f"g{group}w{rng.randrange(30)}" for _ in range(rng.randrange(2, 9))]
        words += rng.choices(THINGS, k=2)
        text = "" if i % 97 == 5 else " ".join(words)
        row = {"text": text, "name": f"d{i}", "label": f"g{group}", "year": 1990 + i % 30}
        row["mixed"] = i / 2 if i % 3 else i  # int, then float
        if i > n // 2:
            row["late"] = "x" if i % 2 else None
        if i % 50 == 0:
            row["any"] = {"a": i} if i > n // 2 else i  # no common type: JSON text
        rows.append(row)
        if i % 40 == 0 and i:
            rows.append({**rows[rng.randrange(i)], "name": f"r{i}"})
    return rows


def write(path: Path, rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


DEFAULTS = {
    "n_clusters": 9,
    "language": "en",
    "metric": "cosine",
    "min_df": 2,
    "max_df": 0.5,
    "ngram_range": (1, 1),
    "max_features": None,
    "stop_words": "auto",
    "n_init": 1,
    "max_iter": 100,
    "random_state": 0,
    "n_threads": None,
}


def in_memory(path: Path, output: Path, reading=None, **changes):
    """Write what ``coterie cluster`` writes without a limit; timings are fixed."""
    parameters = DEFAULTS | changes
    with OutputFolder(output) as folder, Stages(visible=False) as stages:
        inputs = InputOptions(**(reading or {}))
        read = read_documents([str(path)], inputs, stages, quiet=True)
        result, _ = command.cluster_corpus(read, parameters, 0.0, stages)
        command.write_outputs(folder, read, result, {}, title="Clusters", report=False)
    return output


def assert_same_outputs(found: Path, expected: Path):
    for name in ("assignments.parquet", "clusters.jsonl"):
        assert (found / name).read_bytes() == (expected / name).read_bytes(), name
    for path in (expected / "model").iterdir():
        if path.name != "manifest.json":
            assert (found / "model" / path.name).read_bytes() == path.read_bytes(), path.name
    assert manifest(found) == manifest(expected)
    theirs, ours = (json.loads((folder / "metrics.json").read_text()) for folder in (expected, found))
    for name in ("n_documents", "metrics", "k_search", "parameters"):
        assert ours[name] == theirs[name], name


def manifest(folder: Path):
    content = json.loads((folder / "model" / "manifest.json").read_text())
    # How many centres the filter left to compare depends on how rows are read, and no result on it.
    del content["parts"]["kmeans" if "kmeans" in content["parts"] else "clusterer"]["attributes"][
        "candidates_per_row_"
    ]
    return content
