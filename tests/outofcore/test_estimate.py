"""What a journey takes, predicted from a part of the input."""

import gzip
import json

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("typer")
pytest.importorskip("plotly")

import pyarrow as pa
from outofcore_corpora import documents, write

from coterie import cluster_texts
from coterie.io import read_corpus
from coterie.outofcore import cluster_files, estimate
from coterie.outofcore._estimate import _along_line, _along_power, _extended
from coterie.outofcore._memory import resident_bytes
from coterie.outofcore._sample import read_sample


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    rows = [{**row, "text": f"{row['text']} {row['name']}"} for row in documents(12_000)]
    return write(tmp_path_factory.mktemp("large") / "documents.jsonl", rows), rows


def test_a_corpus_that_is_read_whole_is_measured(corpus):
    found = estimate(corpus, n_clusters=9, report=False)
    texts = read_corpus(corpus).texts
    result = cluster_texts(texts, n_clusters=9)
    assert (found.n_documents, found.n_sampled) == (len(texts), len(texts))
    assert (found.n_features, found.n_stored) == (result.matrix.shape[1], result.matrix.nnz)
    assert found.n_clusters == 9
    stages = ["start", "read", "vectorize", "cluster", "explain", "evaluate", "write", "report"]
    assert list(found.seconds) == stages
    assert found.seconds["start"] > 0.1  # an interpreter with NumPy, SciPy and scikit-learn
    assert found.seconds["report"] == 0
    assert all(seconds > 0 for stage, seconds in found.seconds.items() if stage != "report")
    assert found.total_seconds == sum(found.seconds.values())
    assert 50e6 < found.peak_bytes < 1e9
    assert found.fits


@pytest.mark.slow
def test_the_least_limit_is_enough(large, tmp_path):
    path, _ = large
    found = estimate(path, n_clusters=9, report=False, sample_documents=3000)
    assert 0.7 * 12_000 < found.n_documents < 1.5 * 12_000
    assert found.n_sampled < 5000
    cluster_files(
        path, tmp_path / "out", n_clusters=9, report=False, memory_limit=found.least_bytes + resident_bytes()
    )


@pytest.mark.parametrize("kind", ["jsonl", "gz", "parquet", "arrow"])
def test_how_many_documents_there_are_follows_from_the_part_that_was_read(large, tmp_path, kind):
    path, rows = large
    table = pa.table({"text": [row["text"] for row in rows]})
    if kind == "gz":
        path = tmp_path / "documents.jsonl.gz"
        path.write_bytes(gzip.compress(large[0].read_bytes(), compresslevel=0))  # readers take 128 KB at once
    elif kind == "parquet":
        path = tmp_path / "documents.parquet"
        pytest.importorskip("pyarrow.parquet").write_table(table, path)
    elif kind == "arrow":
        path = tmp_path / "documents.arrow"
        with pa.ipc.new_file(str(path), table.schema) as file:
            file.write_table(table, max_chunksize=500)
    sample = read_sample([str(path)], {}, 3000, 1 << 30)
    assert not sample.is_whole
    assert 3000 <= sample.n_sampled <= 4100
    assert sample.n_documents == pytest.approx(len(rows), rel=0.12)
    wanted = 600_000 if kind == "gz" else 100_000  # several times what a reader takes at once
    by_bytes = read_sample([str(path), str(path)], {}, 10**9, wanted)
    assert not by_bytes.is_whole
    assert by_bytes.n_documents == pytest.approx(2 * len(rows), rel=0.4)
    whole = read_sample([str(path)], {}, 10**9, 1 << 30)
    assert whole.is_whole
    assert whole.n_documents == whole.n_sampled == len(rows)


def part(n, **changes):
    stages = ("vectorize", "cluster", "explain", "evaluate", "write")
    seconds = dict.fromkeys(stages, n / 1000)
    content = {"n": n, "seconds": seconds, "peak": 1000 * n, "held": 100 * n, "n_features": n // 10}
    return content | {"n_stored": 10 * n, "n_clusters": 2, "n_iter": 10} | changes


def test_lines_and_powers():
    parts = [part(1000), part(4000)]
    assert _along_line(parts, 10_000, lambda p: p["seconds"]["write"]) == pytest.approx(10)
    assert _along_line(parts[:1], 3000, lambda p: 2.0) == pytest.approx(6)
    assert _along_line([part(1000), part(4000, peak=5)], 10**6, lambda p: p["peak"]) == 5  # never falls
    assert _along_power(parts, 16_000, "n_features", least=0, most=1) == 1600
    assert _along_power(parts, 16_000, "n_features", least=0, most=0.5) == 800
    assert _along_power(parts, 16_000, "n_iter", least=0, most=0.6) == 10


def test_the_parts_are_put_together():
    answer = {"n_documents": 16_000, "parts": [part(1000), part(4000)], "seconds": 3.0, "report": 2.0}
    answer |= {"text_bytes": 1e6, "other_bytes": 1e5, "base": 10**8, "report_bytes": 0, "start": 1.0}
    found = _extended(answer, max_iter=5)
    assert found.seconds["cluster"] == pytest.approx(16 / 2)  # no more than max_iter of ten iterations
    assert found.seconds["read"] == 3.0
    assert found.seconds["start"] == 1.0
    assert found.n_stored == 160_000
    assert found.peak_bytes > 10**8 + 16_000 * 800
    assert found.disk_bytes == 8 * (160_000 + 16_000)


@pytest.mark.slow
def test_what_cannot_be_estimated(corpus, tmp_path):
    with pytest.raises(ValueError, match="the standard input cannot be read twice"):
        estimate(["-"])
    with pytest.raises(FileNotFoundError):
        estimate(tmp_path / "nothing.jsonl")
    with pytest.raises(ValueError, match="text_field='txt' is not a field"):
        estimate(corpus, text_field="txt")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ValueError, match="no documents in"):
        estimate(tmp_path / "empty.jsonl")
    with pytest.raises(ValueError, match="metric must be one of"):  # found by the other process
        estimate(corpus, metric="manhattan", report=False)


class TestCommand:
    @pytest.fixture
    def run(self, capsys, monkeypatch):
        from coterie.cli import main

        def command(*arguments):
            monkeypatch.setattr("sys.argv", ["coterie", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                main()
            return ended.value.code or 0, *capsys.readouterr()

        return command

    def test_table_and_json(self, corpus, run):
        code, shown, _ = run("estimate", corpus, "-k", 9, "--no-report")
        assert code == 0
        for words in ("vectorize", "together", "all of them", "--memory-limit: ", "memory: "):
            assert words in shown
        code, shown, _ = run("estimate", corpus, "-k", 9, "--no-report", "--json")
        found = json.loads(shown)
        assert found["n_documents"] == len(read_corpus(corpus))
        assert found["fits"] is True

    def test_cluster_works_from_disk_where_memory_is_estimated_to_be_short(
        self, corpus, run, tmp_path, monkeypatch
    ):
        monkeypatch.setattr("coterie.outofcore._estimate.machine_memory", lambda: 2_000_000)
        monkeypatch.setattr("coterie.outofcore._memory.machine_memory", lambda: 2_000_000)
        code, _, said = run("cluster", corpus, "-k", 9, "--no-report", "--output", tmp_path / "found")
        assert code == 0
        assert "the rows go to disk" in said
        stages = json.loads((tmp_path / "found" / "metrics.json").read_text())["timings"]
        assert "vocabulary" in stages
