"""The benchmarks run, at sizes that measure nothing: no time is looked at, but every answer passes its gate."""

import json
import shutil
import sys

import pytest

import bench.__main__ as kernels
from bench import curves
from bench.peers import cases

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def measure(tmp_path, monkeypatch):
    """Run ``python -m bench`` with these arguments; return the report."""
    for case in cases.SIZES["tiny"]:
        for name in list(case.rivals):
            if not name.startswith(("coterie", "scikit-learn")) or name == "scikit-learn-intelex":
                monkeypatch.delitem(case.rivals, name)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", "--tiny", "--output", str(tmp_path), *arguments])
        assert kernels.main() == 0
        return json.loads((tmp_path / "results.json").read_text())

    return run


@pytest.mark.skipif(shutil.which("c++") is None, reason="no compiler for the program that measures ceilings")
def test_every_case_is_measured_and_passes_its_gate(measure, capsys):
    report = measure("--threads", "1")
    assert [row["case"] for row in report["rows"]] == [case.name for case in cases.SIZES["tiny"]]
    for row in report["rows"]:
        ours = row["rivals"]["coterie"]
        assert ours["note"] is None, (row["case"], ours)
        if "scikit-learn" in row["rivals"]:  # else there is nothing to compare with, and nothing is timed
            assert ours["median"] > 0, (row["case"], ours)
    assert "| coterie | " in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("c++") is None, reason="no compiler for the program that measures ceilings")
def test_rows_that_are_not_measured_stay(measure, tmp_path, capsys):
    measure("--threads", "1", "--only", "TF-IDF, arxiv")
    report = measure("--threads", "2", "--only", "TF-IDF, arxiv; K-means, dense 2")
    assert [(row["case"][:7], row["n_threads"]) for row in report["rows"]] == [
        ("TF-IDF,", 2),
        ("TF-IDF,", 1),
        ("K-means", 2),
    ]
    assert sorted(report["ceilings"]) == ["1", "2"]
    with pytest.raises(SystemExit, match="--only='nothing' is in the name of no case: TF-IDF, arxiv_titles"):
        measure("--only", "nothing")
    report["machine"]["cpu"] = "another one"
    (tmp_path / "results.json").write_text(json.dumps(report))
    with pytest.raises(
        SystemExit, match=r"results\.json was measured on another one, .*give another --output"
    ):
        measure("--threads", "1", "--only", "TF-IDF, arxiv")
    capsys.readouterr()


def test_curves_have_every_size_and_solver():
    points = list(curves.growth(1, 0.02))
    assert {p.series.split(" ")[0] for p in points} == {"n", "d", "k", "nnz"}
    assert all(p.seconds > 0 for p in points)
    X, what = curves.embeddings(200)
    assert X.shape == (200, curves.D)
    assert "MiniLM" in what or "not installed" in what
    runs = list(curves.convergence(X, 5, 1))
    assert {name for name, *_ in runs} == set(curves.solvers(5, 1))
    lloyd = [inertia for name, _, _, inertia in runs if name == "KMeans"]
    assert lloyd == sorted(lloyd, reverse=True)
