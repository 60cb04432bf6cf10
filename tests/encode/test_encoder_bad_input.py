"""What a user can get wrong: one sentence that says what was wanted; extras that are missing name their command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coterie import cluster_texts
from coterie.cli import main
from coterie.encode import LsaEncoder, OnnxEncoder, StaticEncoder, encode_corpus, export_onnx
from coterie.text._analysis import _rjieba

CPU = "CPUExecutionProvider"
MISSING: list[tuple[str, str, Callable[[Path, Path], Any]]] = [
    ("onnxruntime", "onnx", lambda encoder, file: OnnxEncoder(encoder).fit()),
    ("tokenizers", "onnx", lambda encoder, file: OnnxEncoder(encoder, providers=CPU).fit()),
    ("openvino", "openvino", lambda encoder, file: OnnxEncoder(encoder, precision="bfloat16").fit()),
    ("torch", "train", lambda encoder, file: export_onnx(encoder, encoder.parent / "new")),
    ("transformers", "train", lambda encoder, file: export_onnx(encoder, encoder.parent / "new")),
    ("rjieba", "zh", lambda encoder, file: StaticEncoder(file, language="zh").fit(["银行"])),
    (
        "pyarrow",
        "cli",
        lambda encoder, file: encode_corpus(file, LsaEncoder().fit(["red apple"] * 3), file.parent / "x"),
    ),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_text("bank 1 2\ngoal 2 1\n")
    return path


@pytest.mark.parametrize(("module", "extra", "act"), MISSING, ids=[case[0] for case in MISSING])
def test_a_missing_extra_names_its_command(
    module: str,
    extra: str,
    act: Callable[[Path, Path], Any],
    minilm: Path,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name == module or name.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    _rjieba.cache_clear()  # earlier tests have it
    with pytest.raises(ModuleNotFoundError, match=rf'{module}.*pip install "coterie\[{extra}\]"'):
        act(minilm, file)


def test_documents_that_are_cut_are_counted(minilm: Path) -> None:
    megabyte = "interest rates rise again " * 40_000
    texts = [megabyte, megabyte, "a goal", "a late goal", "rates rise", ""]
    result = cluster_texts(texts, encoder=OnnxEncoder(minilm, providers=CPU), n_clusters=2)
    assert result.metrics["n_truncated"] == 1
    assert result.labels[0] == result.labels[1] == result.labels[4]
    short = cluster_texts(texts[2:], encoder=OnnxEncoder(minilm, providers=CPU), n_clusters=2)
    assert "n_truncated" not in short.metrics


COMMANDS: list[tuple[list[str], str]] = [
    (
        ["encode", "IN", "EMPTY", "-o", "OUT"],
        "holds no ONNX model (model.onnx or onnx/model.onnx); coterie export",
    ),
    (["encode", "IN", "NONE", "-o", "OUT"], "does not exist"),
    (
        ["encode", "IN", "MINILM", "-o", "OUT", "--provider", "GPU"],
        "--provider must be one of CPUExecutionProvider",
    ),
    (
        ["encode", "IN", "MINILM", "-o", "OUT", "--max-length", "9999"],
        "--max-length must be between 1 and 256; got 9999",
    ),
    (["encode", "IN", "static:NONE", "-o", "OUT"], "does not exist"),
    (["cluster", "IN", "--encoder", "onnx:EMPTY"], "holds no ONNX model"),
    (["cluster", "IN", "--encoder", "static:IN"], "does not begin with a word and its numbers"),
    (["export", "EMPTY", "OUT"], "EMPTY"),
]


@pytest.mark.parametrize(("arguments", "problem"), COMMANDS)
def test_commands_fail_in_one_sentence(
    arguments: list[str],
    problem: str,
    minilm: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("IN").write_text("one text\nanother text\n")
    Path("EMPTY").mkdir()
    named = [word.replace("MINILM", str(minilm)) for word in arguments]
    monkeypatch.setattr(sys, "argv", ["coterie", *named])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 1
    assert printed.out == ""
    assert printed.err.startswith("coterie: ")
    assert problem in printed.err
    assert printed.err.count("\n") == 1
    assert not Path("OUT").exists()
