"""Comparisons: each stage in a process of its own, errors as answers, the page and the command."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from coterie import cluster_texts
from coterie.cli import main
from coterie.cli.compare import comparison_tables
from coterie.compare import Comparison, ComparisonRun, compare
from coterie.compare._memory import peak_memory
from coterie.report.comparison import render_comparison

TOPICS = (
    "apple banana cherry grape melon",
    "train engine rail station wagon",
    "violin cello opera concert aria",
)
RNG = np.random.default_rng(0)
LABELS = [topic for topic in range(3) for _ in range(20)]
TEXTS = [" ".join(RNG.choice(TOPICS[topic].split(), 4, replace=False)) for topic in LABELS]


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare(
        TEXTS,
        labels=LABELS,
        encoders=["tfidf", "no-such-encoder"],
        clusterers=["kmeans", "dbscan", "ward"],
        seeds=[0, 5],
        clusterer_options={"dbscan": {"eps": 1e-6, "min_samples": 50}},
    )


def test_runs_are_those_of_the_journey(found: Comparison) -> None:
    run = found.runs[0]
    assert (run.encoder, run.clusterer, run.seeds) == ("tfidf", "kmeans", [0, 5])
    for seed, nmi, purity in zip(run.seeds, run.scores["nmi"], run.scores["purity"], strict=True):
        wanted = cluster_texts(TEXTS, n_clusters=3, labels=LABELS, random_state=seed).metrics
        assert (nmi, purity) == (wanted["nmi"], wanted["purity"])
    assert run.n_clusters == [3, 3]
    assert [len(run.seconds[stage]) for stage in ("encode", "cluster", "evaluate")] == [1, 2, 2]
    assert {stage: len(values) for stage, values in run.cpu_seconds.items()} == {
        stage: len(values) for stage, values in run.seconds.items()
    }
    assert run.cpu_seconds["encode"][0] > 0
    assert found.n_classes == 3
    assert found.machine["cores"] >= 1


def test_memory_is_that_of_the_stage_and_not_of_the_caller() -> None:
    ballast = np.ones(600 << 20, dtype=np.uint8)  # resident in this process
    run = compare(TEXTS, labels=LABELS, encoders=["tfidf"], clusterers=["kmeans"], seeds=[0]).runs[0]
    assert peak_memory() > ballast.nbytes
    for stage in ("encode", "cluster"):
        assert 20 << 20 < run.peak_memory[stage] < ballast.nbytes


def test_what_fails_is_said_and_the_rest_goes_on(found: Comparison) -> None:
    by_name = {run.name: run for run in found.runs}
    assert len(by_name) == 6
    assert "dbscan found no cluster" in str(by_name["tfidf + dbscan"].error)
    assert "no-such-encoder" in str(by_name["no-such-encoder + ward"].error)
    assert by_name["tfidf + ward"].error is None
    assert found.ranked()[0].error is None
    assert found.ranked()[-1].error is not None


def test_without_labels_there_are_internal_scores() -> None:
    run = compare(TEXTS, encoders=["tfidf"], clusterers=["ward"], n_clusters=3, seeds=[0]).runs[0]
    assert "nmi" not in run.scores
    assert run.mean("silhouette_sampled") is not None
    assert run.mean("nmi") is None


def test_a_process_that_dies_leaves_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "dies"
    script.write_text("#!/bin/sh\nkill -9 $$\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    run = compare(TEXTS, labels=LABELS, encoders=["tfidf"], clusterers=["kmeans"], seeds=[0]).runs[0]
    assert run.error == "the process was ended by SIGKILL"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clusterers": ["kmean"]}, "clusterers must be one of 'kmeans'.*got 'kmean'"),
        ({"encoders": []}, "encoders must be a sequence with at least one entry"),
        ({"encoders": "tfidf"}, "encoders must be a sequence"),
        ({"labels": [1, 2]}, "got 2 for 60"),
        ({"labels": None}, "n_clusters must be given where there are no labels"),
        ({"seeds": [-1]}, "seeds must be >= 0; got -1"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(TEXTS, **{"labels": LABELS, **arguments})  # type: ignore[arg-type]


def test_names_never_become_markup() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    runs = [
        ComparisonRun(evil, "ward", [0], [3], {"nmi": [0.5]}, {"encode": [1.0], "cluster": [1.0]}, {}, 3),
        ComparisonRun(evil, "dbscan", error=evil),
    ]
    page = render_comparison(Comparison(runs, 60, 3, {"encoders": [evil]}, {"system": evil}), title=evil)
    assert "<img" not in page
    assert page.count("</script>") == 3


@pytest.mark.parametrize("encoder", ["onnx:minilm", "onnx:models/all-minilm-l6-v2"])
@pytest.mark.parametrize("width", [80, 140])
def test_every_column_is_shown_on_a_narrow_terminal(width: int, encoder: str) -> None:
    scores = {name: [0.1, 0.2] for name in ("nmi", "ari", "matched_f1", "purity", "silhouette_sampled")}
    seconds = {"encode": [1.5], "cluster": [2.5, 2.5]}
    memory = {"encode": 300 << 20, "cluster": 200 << 20}
    runs = [ComparisonRun(encoder, "kmeans", [0, 1], [20, 20], scores, seconds, memory, 384)]
    runs += [ComparisonRun("tfidf", "ward", error="no memory")]
    console = Console(width=width, file=io.StringIO())
    tables = comparison_tables(Comparison(runs, 60, 3, {}, {}), console)
    for table in tables:
        console.print(table)
    shown = console.file.getvalue()
    assert len(tables) == (2 if width == 80 else 1)
    assert encoder in shown or width == 80
    for told in ("NMI = V", "purity", "silhouette", "MiB", "0.150 ±.050", "1.50", "2.50", "300", "failed"):
        assert told in shown


def test_command_writes_page_and_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"text": text, "topic": str(label)} for text, label in zip(TEXTS, LABELS, strict=True)]
    Path("in.jsonl").write_text("\n".join(map(json.dumps, [*rows, {"text": "no label", "topic": None}])))
    arguments = (
        "compare in.jsonl --label-field topic --encoder tfidf --clusterer kmeans --clusterer dbscan --eps 0.7"
    )
    monkeypatch.setattr(
        sys, "argv", ["coterie", *arguments.split(), "--seeds", "2", "--sample", "50", "-o", "out"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    printed = capsys.readouterr()
    assert "NMI = V" in printed.out
    assert "50 documents, 3 classes" in printed.out
    assert "1 document has no label and is left out" in printed.err
    record = json.loads(Path("out/comparison.json").read_text())
    assert [run["clusterer"] for run in record["runs"]] == ["kmeans", "dbscan"]
    assert record["runs"][0]["seeds"] == [0, 1]
    assert record["runs"][1]["seeds"] == [0]  # nothing is drawn
    assert record["parameters"]["clusterer_options"] == {"dbscan": {"eps": 0.7}}
    assert "kmeans" in Path("out/comparison.html").read_text()
