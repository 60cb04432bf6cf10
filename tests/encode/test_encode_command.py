"""``coterie export`` and ``coterie encode``: from a model to shards, resumed after a kill without encoding twice."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from coterie import KMeans
from coterie.cli import main
from coterie.cluster import RowFiles
from coterie.encode import LsaEncoder, OnnxEncoder, encode_corpus, export_onnx, make_encoder

# The command line, killed when its fourth shard is written but not yet in its place.
KILLED = """
import os, signal
from coterie.cli import main

replace, n_shards = os.replace, 0

def place(source, target):
    global n_shards
    n_shards += str(target).endswith(".parquet")
    if n_shards == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

os.replace = place
main()
"""
WORDS = ["bank", "raises", "rates", "goal", "long", "word", *(f"w{i}" for i in range(100))]


@pytest.fixture(scope="module")
def encoder_folder(make_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command") / "encoder"
    export_onnx(make_model("bert", pooling="mean"), folder, max_length=64)
    return folder


def documents(n: int) -> list[str]:
    return [f"the {WORDS[i % 106]} {WORDS[i * 7 % 106]} {WORDS[i * i % 106]}" for i in range(n)]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_text(
        "".join(json.dumps({"text": text, "name": f"d{i}"}) + "\n" for i, text in enumerate(documents(1000)))
    )
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command inside of this process; return what it printed, or its JSON."""
    monkeypatch.setenv("COLUMNS", "100")

    def run_command(*arguments: object, fails: int = 0) -> Any:
        monkeypatch.setattr(sys, "argv", ["coterie", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert (ended.value.code or 0) == fails, printed.err
        return json.loads(printed.out) if "--json" in arguments else printed.out + printed.err

    return run_command


def read_shards(folder: Path) -> tuple[list[Any], np.ndarray]:
    import pyarrow.parquet as pq

    tables = [pq.read_table(path) for path in sorted(folder.glob("shard-*.parquet"))]
    ids = [value for table in tables for value in table["id"].to_pylist()]
    rows = [np.array(table["embedding"].to_pylist(), np.float32) for table in tables]
    return ids, np.concatenate(rows)


def test_export_and_encode(
    make_model: Callable[..., Path], corpus: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    source = make_model("distilbert", pooling="cls")
    shown = run("export", source, tmp_path / "encoder", "--max-length", 64)
    assert "DistilBertModel" in shown
    assert "rows of 32 numbers, cls pooling, at most 64 tokens" in shown
    assert "Agrees with PyTorch" in shown
    shown = run(
        "encode",
        corpus,
        tmp_path / "encoder",
        "-o",
        tmp_path / "out",
        "--shard-size",
        300,
        "--id-field",
        "name",
    )
    assert "1,000 documents: embeddings of 32 numbers" in shown
    assert "documents/s" in shown
    ids, rows = read_shards(tmp_path / "out")
    assert ids == [f"d{i}" for i in range(1000)]
    np.testing.assert_allclose(rows, OnnxEncoder(tmp_path / "encoder").transform(documents(1000)), atol=2e-3)
    state = json.loads((tmp_path / "out" / "encoding.json").read_text())
    assert (state["complete"], state["n_documents"], state["n_shards"], state["dim"]) == (True, 1000, 4, 32)
    fitted = KMeans(3, random_state=0).fit(RowFiles(tmp_path / "out", column="embedding"))
    np.testing.assert_array_equal(fitted.labels_, KMeans(3, random_state=0).fit(rows).labels_)


def test_a_killed_run_is_gone_on_with(encoder_folder: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    corpus = tmp_path / "many.txt"
    corpus.write_text("\n".join(documents(6_000)) + "\n")
    arguments = ["encode", corpus, encoder_folder, "-o", tmp_path / "out", "--shard-size", 60, "--json"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, arguments)], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list((tmp_path / "out").glob(".coterie-staging-*"))
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("shard-*.parquet")}
    assert len(kept) == 3
    assert json.loads((tmp_path / "out" / "encoding.json").read_text())["complete"] is False
    answer = run(*arguments)
    assert answer["n_documents"] == 6_000
    assert answer["n_encoded"] == 6_000 - 60 * len(kept)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not list((tmp_path / "out").glob(".coterie-staging-*"))
    again = run(*arguments)
    assert again["n_encoded"] == again["n_tokens"] == 0
    encode_corpus(corpus, OnnxEncoder(encoder_folder), tmp_path / "whole", shard_size=60)
    np.testing.assert_array_equal(read_shards(tmp_path / "out")[1], read_shards(tmp_path / "whole")[1])


def test_only_shards_with_other_documents_are_encoded_again(
    encoder_folder: Path, corpus: Path, tmp_path: Path
) -> None:
    encoder = OnnxEncoder(encoder_folder, providers="CPUExecutionProvider")
    out = tmp_path / "out"
    assert encode_corpus(corpus, encoder, out, shard_size=300).n_encoded == 1000
    lines = corpus.read_text().splitlines(keepends=True)
    lines[450] = '{"text": "a goal", "name": "changed"}\n'
    corpus.write_text("".join([*lines, '{"text": "w3", "name": "new"}\n']))
    calls: list[tuple[int, int, int]] = []
    found = encode_corpus(corpus, encoder, out, shard_size=300, progress=lambda *done: calls.append(done))
    assert (found.n_documents, found.n_encoded) == (1001, 300 + 101)
    assert calls[-1] == (1001, 401, found.n_tokens)
    (out / "shard-00002.parquet").write_bytes(b"PAR1 damaged")
    assert encode_corpus(corpus, encoder, out, shard_size=300).n_encoded == 300
    corpus.write_text("".join(lines[:300]))
    assert encode_corpus(corpus, encoder, out, shard_size=300).n_encoded == 0
    assert sorted(path.name for path in out.iterdir()) == ["encoding.json", "shard-00000.parquet"]


def test_what_does_not_belong_together_is_refused(
    encoder_folder: Path, corpus: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    out = tmp_path / "out"
    run("encode", corpus, encoder_folder, "-o", out, "-q")
    shown = run("encode", corpus, encoder_folder, "-o", out, "--max-length", 5, fails=1)
    assert "holds embeddings of another encoder or of other parameters" in shown
    shown = run(
        "encode", corpus, encoder_folder, "-o", out, "--max-length", 4, "--overwrite", "--dtype", "float16"
    )
    assert (
        "1,000 texts were longer" in shown or "texts were longer than the model reads and were cut" in shown
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert "holds 'notes.txt'" in run("encode", corpus, encoder_folder, "-o", tmp_path / "mine", fails=1)
    assert "does not exist" in run("encode", corpus, tmp_path / "absent", "-o", tmp_path / "new", fails=1)
    (tmp_path / "empty.txt").write_text("")
    empty = tmp_path / "empty.txt"
    for spec in (encoder_folder, "lsa"):
        shown = run("encode", empty, spec, "-o", tmp_path / "new", fails=1)
        assert shown.endswith(f"no documents in {empty}\n")
    shown = run("encode", corpus, empty, "-o", tmp_path / "new", fails=1)
    assert f"'{empty}' is a file; an encoder folder is wanted" in shown
    shown = run("encode", corpus, encoder_folder, "-o", empty, fails=1)
    assert f"output folder '{empty}' is a file; a folder is wanted" in shown
    shown = run("encode", corpus, encoder_folder, "-o", tmp_path / "new", "--prompt", "query", fails=1)
    assert "--prompt must not be given: the encoder has no prompts; got 'query'" in shown
    shown = run("encode", corpus, encoder_folder, "-o", tmp_path / "new", "--provider", "x", fails=1)
    assert "--provider must be one of CPUExecutionProvider" in shown
    shown = run("encode", corpus, "lsa", "-o", tmp_path / "new", "--dtype", "float16", fails=1)
    assert "--dtype is an option of transformers; 'lsa' is none" in shown
    assert not (tmp_path / "new").exists()
    with pytest.raises(TypeError, match=r"encoder must be one of OnnxEncoder, StaticEncoder, .*; got str"):
        encode_corpus(corpus, "minilm", out)
    with pytest.raises(NotFittedError):
        encode_corpus(corpus, LsaEncoder(), tmp_path / "unfitted")


@pytest.mark.parametrize("name", ["lsa", "cooccurrence", "static"])
def test_rows_without_a_transformer(name: str, corpus: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("".join(f"{word} {len(word)} {i}\n" for i, word in enumerate(WORDS, start=1)))
    spec = f"static:{vectors}" if name == "static" else name
    out, more = tmp_path / "out", tmp_path / "more"
    answer = run("encode", corpus, spec, "-o", out, "--shard-size", 300, "--json")
    assert (answer["n_encoded"], answer["n_tokens"], answer["engine"]) == (1000, 0, None)
    wanted = make_encoder(spec).fit(documents(1000)).transform(documents(1000))
    np.testing.assert_array_equal(read_shards(out)[1], wanted)
    assert run("encode", corpus, spec, "-o", out, "--shard-size", 300, "--json")["n_encoded"] == 0
    shown = run("encode", corpus, "--encoder", out / "encoder", "-o", more, "--n-threads", 1)
    assert "1,000 documents: embeddings of" in shown
    np.testing.assert_array_equal(read_shards(more)[1], wanted)
    lines = corpus.read_text().splitlines(keepends=True)
    corpus.write_text("".join(lines[:500]))
    if name != "static":  # whose rows are those of its file
        assert "of another encoder" in run("encode", corpus, spec, "-o", out, "--shard-size", 300, fails=1)
    assert (
        run("encode", corpus, out / "encoder", "-o", out, "--shard-size", 300, "--json")["n_encoded"] == 200
    )
    shown = run("encode", corpus, spec, "-o", tmp_path / "new", "--max-length", 5, fails=1)
    assert "--max-length is an option of transformers" in shown
    assert "can be read only once" in run("encode", "-", spec, "-o", tmp_path / "new", fails=1)


@pytest.mark.parametrize("copy", [False, True])
def test_clusters_of_an_encoder_are_assigned_to(
    copy: bool, encoder_folder: Path, corpus: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    import pyarrow.parquet as pq

    mine = tmp_path / "encoder"
    shutil.copytree(encoder_folder, mine)
    out = tmp_path / "out"
    options = ["--copy-encoder"] if copy else []
    answer = run(
        "cluster", corpus, "--encoder", f"onnx:{mine}", "-k", 4, "-o", out, "--no-report", "--json", *options
    )
    assert answer["n_documents"] == 1000
    assert sum(cluster["size"] for cluster in answer["clusters"]) == 1000
    mine.rename(tmp_path / "moved")
    if not copy:
        assert f"needs '{mine}/" in run("assign", out, corpus, fails=1)
    options = [] if copy else ["--encoder", tmp_path / "moved"]
    run("assign", out, corpus, "-o", tmp_path / "again.parquet", *options)
    first, again = (pq.read_table(path) for path in (out / "assignments.parquet", tmp_path / "again.parquet"))
    same = np.equal(first["cluster"].to_numpy(), again["cluster"].to_numpy())
    assert same.mean() > 0.99  # rows depend a little on the texts beside them
