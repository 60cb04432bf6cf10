"""StaticEncoder: every file format gives the same table, every weighting its formula, damage is refused."""

from __future__ import annotations

import gzip
import json
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from coterie.encode import StaticEncoder, make_encoder
from encode.conftest import need

WORDS = ["the", "bank", "raises", "rates", "goal", "银行", "利率", "a"]
TABLE = np.random.default_rng(3).normal(size=(len(WORDS), 5)).astype(np.float32)
TEXTS = ["The bank raises the rates", "a goal, a GOAL", "nothing known?", "", "rates"]


def lines(table: NDArray[np.float32] = TABLE, words: list[str] = WORDS) -> str:
    return "".join(
        f"{w} {' '.join(repr(float(x)) for x in row)}\n" for w, row in zip(words, table, strict=True)
    )


def binary(newlines: bool) -> bytes:
    rows = (
        w.encode() + b" " + r.tobytes() + (b"\n" if newlines else b"")
        for w, r in zip(WORDS, TABLE, strict=True)
    )
    return f"{len(WORDS)} 5\n".encode() + b"".join(rows)


PACKED = gzip.compress(lines().encode(), mtime=0)  # no time of day: its bytes name a test
FILES = {
    "glove.txt": lines().encode(),
    "word2vec.txt": (f"{len(WORDS)} 5\n" + lines()).encode(),
    "fasttext.vec": (f"{len(WORDS)} 5\n" + lines().replace("\n", " \n")).encode(),
    "word2vec.bin": binary(newlines=True),
    "packed.bin": binary(newlines=False),
    "glove.txt.gz": PACKED,
    "repeated.txt": (lines() + lines(TABLE[:2] * 9, WORDS[:2])).encode(),
}


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_text(lines(), encoding="utf-8")
    return path


def reference(texts: list[str], weights: dict[str, float]) -> NDArray[np.float64]:
    """The definition, word by word in float64, without unit length."""
    rows = []
    for text in texts:
        known = [w for w in text.lower().replace(",", " ").replace("?", " ").split() if w in WORDS]
        total = sum(weights[w] for w in known)
        row = sum((weights[w] * TABLE[WORDS.index(w)].astype(np.float64) for w in known), np.zeros(5))
        rows.append(row / total if known else row)
    return np.array(rows)


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    encoder = StaticEncoder(tmp_path / name, normalize=False)
    rows = encoder.fit_transform(TEXTS)
    np.testing.assert_allclose(rows, reference(TEXTS, dict.fromkeys(WORDS, 1.0)), atol=1e-6)
    assert (encoder.n_words_, encoder.dim_, encoder.coverage_) == (8, 5, 0.6)
    assert rows.dtype == np.float32


def test_weights_are_those_of_the_formulas(vectors: Path) -> None:
    counts = Counter(w for t in TEXTS for w in t.lower().replace(",", " ").split() if w in WORDS)
    n_texts = {w: sum(w in t.lower().replace(",", " ").split() for t in TEXTS) for w in WORDS}
    idf = {w: float(np.log(6 / (1 + n_texts[w])) + 1) for w in WORDS}
    rows = StaticEncoder(vectors, weighting="tfidf", normalize=False).fit(TEXTS).transform(TEXTS)
    np.testing.assert_allclose(rows, reference(TEXTS, idf), atol=1e-6)
    sif = {w: 0.01 / (0.01 + counts[w] / sum(counts.values())) for w in WORDS}
    encoder = StaticEncoder(vectors, weighting="sif", sif_a=0.01, normalize=False)
    wanted = reference(TEXTS, sif)
    direction = np.linalg.svd(wanted)[2][0]
    np.testing.assert_allclose(
        encoder.fit_transform(TEXTS), wanted - np.outer(wanted @ direction, direction), atol=1e-5
    )
    np.testing.assert_allclose(encoder.transform(TEXTS), encoder.fit_transform(TEXTS))


def test_chinese_words_are_found_by_segmentation(vectors: Path) -> None:
    need("rjieba")
    rows = StaticEncoder(vectors, language="zh", normalize=False).fit_transform(["银行提高利率", "银行"])
    np.testing.assert_allclose(rows, [TABLE[5:7].mean(axis=0), TABLE[5]], atol=1e-6)


def test_capitals_are_kept_where_the_file_has_them(tmp_path: Path) -> None:
    (tmp_path / "cased.txt").write_text("Bank 1 0\nbank 0 1\n")
    texts = ["Bank", "bank"]
    np.testing.assert_array_equal(
        StaticEncoder(tmp_path / "cased.txt").fit_transform(texts), [[1, 0], [0, 1]]
    )
    lowered = StaticEncoder(tmp_path / "cased.txt", lowercase=True).fit_transform(texts)
    np.testing.assert_array_equal(lowered, [[0, 1], [0, 1]])


def test_scikit_learn_interface(vectors: Path) -> None:
    encoder = clone(make_encoder(f"static:{vectors}", language="zh", n_threads=1)).set_params(language="en")
    with pytest.raises(NotFittedError):
        encoder.transform(TEXTS)
    rows = encoder.fit(TEXTS).transform(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 1, 0, 0, 1], atol=1e-6)
    assert list(encoder.get_feature_names_out()) == [f"staticencoder{i}" for i in range(5)]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(TEXTS), rows)
    assert encoder.transform([]).shape == (0, 5)
    assert StaticEncoder(vectors, max_words=2).fit(TEXTS).n_words_ == 2
    with pytest.raises(TypeError, match="text 1 must be str"):
        encoder.transform(["a", 3])


def test_folders_of_model2vec(tmp_path: Path) -> None:
    need("tokenizers", "safetensors")
    import safetensors.numpy
    import tokenizers

    vocabulary = {"[PAD]": 0, "[UNK]": 1, **{word: i + 2 for i, word in enumerate(WORDS)}}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    table = np.vstack([np.full((2, 5), 9, np.float32), TABLE])
    safetensors.numpy.save_file({"embeddings": table.astype(np.float16)}, tmp_path / "model.safetensors")
    encoder = StaticEncoder(tmp_path, normalize=False)
    rows = encoder.fit_transform(TEXTS)
    np.testing.assert_allclose(rows, reference(TEXTS, dict.fromkeys(WORDS, 1.0)), atol=2e-3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(TEXTS), rows)
    safetensors.numpy.save_file({"embeddings": table[:4]}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="the tokenizer has token 9, the table 4 rows"):
        encoder.fit(TEXTS)
    whole = (tmp_path / "model.safetensors").read_bytes()
    for damaged in (whole[:20], whole[:-8], b"\xff" * 40):
        (tmp_path / "model.safetensors").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"model.safetensors' is (damaged|not a whole)"):
            encoder.fit(TEXTS)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"is not a model2vec folder: it has no model.safetensors"):
        encoder.fit(TEXTS)


BAD = [
    (b"", "does not begin with a word and its numbers"),
    (b"just some prose\nand more\n", "does not begin with a word and its numbers"),
    (b"cat 1 2\ndog 1\n", "line 2: 2 numbers are wanted after the word; got 1"),
    (b"cat 1 2\ndog 1 x\n", "line 2: not all of its values are numbers"),
    (b"cat 1 nan\n", "the vector of 'cat' is not finite"),
    (b"3 5\n", "ends or is damaged after 0 of 3 words"),
    (binary(newlines=True)[:-30], "ends or is damaged after 7 of 8 words|ends in the middle of word"),
    (b"2 0\n", "vectors of 0 numbers are not understood"),
    (PACKED[:-9], "vectors' is damaged gzip: Compressed file ended before"),
    (PACKED[:-8] + bytes(8), "vectors' is damaged gzip: CRC check failed"),
    (PACKED[:10] + b"\xff" * 9, "vectors' is damaged gzip: Error -3"),
    ((793712314).to_bytes(4, "little") + bytes(20), "is not a fastText model that can be read"),
]


@pytest.mark.parametrize(("content", "problem"), BAD)
def test_damaged_files_are_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "vectors").write_bytes(content)
    with pytest.raises(ValueError, match=problem):
        StaticEncoder(tmp_path / "vectors").fit(TEXTS)


def test_bad_arguments_are_named(vectors: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"file of word vectors '.*absent' does not exist"):
        StaticEncoder(tmp_path / "absent").fit(TEXTS)
    with pytest.raises(ValueError, match="'weighting' parameter"):
        StaticEncoder(vectors, weighting="sum").fit(TEXTS)
    (tmp_path / "config.json").write_text(json.dumps({}))
    with pytest.raises(FileNotFoundError, match="not a model2vec folder"):
        StaticEncoder(tmp_path).fit(TEXTS)
