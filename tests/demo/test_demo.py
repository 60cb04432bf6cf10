"""The docstring corpus, and the demo that clusters it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import coterie
from coterie import demo


@pytest.fixture(scope="module")
def corpus() -> demo.DocstringCorpus:
    return demo.collect_docstrings()


def test_corpus_holds_docstrings_with_names_and_labels(corpus):
    assert len(corpus.texts) == len(corpus.names) == len(corpus.labels) > 5000
    assert len(set(corpus.texts)) == len(corpus.texts)
    text_of = dict(zip(corpus.names, corpus.texts, strict=True))
    assert json.JSONDecoder.__doc__.split() == text_of["json.decoder.JSONDecoder"].split()
    assert text_of["sklearn.cluster._kmeans.KMeans"].startswith("K-Means clustering.")
    labels = Counter(corpus.labels)
    assert {"python", "python.asyncio", "numpy", "scipy.stats", "sklearn.linear_model"} <= set(labels)
    assert {label.partition(".")[0] for label in labels} == {"python", "numpy", "scipy", "sklearn"}
    assert min(count for label, count in labels.items() if "." in label) >= 40


def test_corpus_leaves_out_tests_private_and_short(tmp_path, monkeypatch):
    long = "words " * 20
    (tmp_path / "module.py").write_text(
        f'''def shown(): "{long} 1"\ndef _private(): "{long} 2"\nclass _Private:\n    def method(self): "{long} 3"\n'''
        f'''class Shown:\n    "short"\n    def method(self): "{long} 4"\n    async def run(self): "{long} 1"\n'''
    )
    for folder in ("tests", "test", "site-packages", "_vendor"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "module.py").write_text(f'"{long} {folder}"\n')
    monkeypatch.setattr(demo, "_roots", lambda: iter([("python", tmp_path)]))
    assert demo.collect_docstrings().names == ["module.shown", "module.Shown.method"]


def test_corpus_is_repeatable_and_counts_progress(corpus):
    seen = []
    again = demo.collect_docstrings(lambda stage, share: seen.append((stage, share)))
    assert again == corpus
    assert seen[-1] == ("read", 1.0)
    assert [share for _, share in seen] == sorted(share for _, share in seen)


def test_nothing_is_imported(tmp_path):
    program = (
        "import sys, coterie.demo\ncoterie.demo.collect_docstrings()\n"
        "print(sorted({'numpy', 'scipy', 'sklearn', 'antigravity', 'tkinter', 'this'} & set(sys.modules)))"
    )
    path = str(Path(coterie.__file__).resolve().parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_files_that_do_not_parse_are_skipped(tmp_path, monkeypatch):
    (tmp_path / "good.py").write_text('"""' + "words " * 20 + '"""\n')
    (tmp_path / "syntax.py").write_text("def (:\n")
    (tmp_path / "nul.py").write_bytes(b"x = 1\0\n")
    (tmp_path / "encoding.py").write_bytes(b"# coding: latin-99\n")
    (tmp_path / "deep.py").write_text("x = " + "(" * 5000 + ")" * 5000)
    (tmp_path / "escape.py").write_text('"\\d"\n')
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_good.py").write_text('"""' + "tests " * 20 + '"""\n')
    monkeypatch.setattr(demo, "_roots", lambda: iter([("python", tmp_path)]))
    found = demo.collect_docstrings()
    assert (found.names, found.labels, found.n_skipped) == (["good"], ["python"], 4)


def test_demo_command(tmp_path):
    path = str(Path(coterie.__file__).resolve().parent.parent)
    for options in (["--no-report", "-k", "5"], []):  # the second run replaces the first
        done = subprocess.run(
            [sys.executable, "-m", "coterie", "demo", *options],
            env=os.environ | {"PYTHONPATH": path},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
    folder = tmp_path / "coterie-demo"
    assert sorted(entry.name for entry in folder.iterdir() if entry.name[0] != ".") == [
        "assignments.parquet",
        "clusters.jsonl",
        "docstrings.parquet",
        "metrics.json",
        "model",
        "report.html",
    ]
    nmi = json.loads((folder / "metrics.json").read_text())["metrics"]["nmi"]
    print(f"docstrings: NMI {nmi:.3f}")
    assert nmi > 0.4
    assert f"NMI {nmi:.3f}: 40 clusters" in done.stdout
    table = pq.read_table(folder / "docstrings.parquet")
    assert table["id"].equals(pq.read_table(folder / "assignments.parquet")["id"])
