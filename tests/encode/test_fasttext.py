"""fastText models (.bin): vectors of known and unknown words by the definition and by gensim; damage is refused."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coterie.encode import StaticEncoder
from coterie.encode._fasttext import read_fasttext
from encode.conftest import need

WORDS = ["the", "bank", "banks", "银行", "</s>"]
DIM, BUCKETS, LEAST, MOST = 6, 23, 2, 4
TABLE = np.random.default_rng(5).normal(size=(len(WORDS) + BUCKETS, DIM)).astype("<f4")
TEXTS = ["the bank", "the Banks, unheard", "银行 nothing", "", "?!", "a"]


def model(**changes: Any) -> bytes:
    """The layout of fastText's saveModel, version 12, with some fields replaced."""
    field = {
        "magic": 793712314,
        "version": 12,
        "dim": DIM,
        "kind": 2,
        "buckets": BUCKETS,
        "least": LEAST,
        "most": MOST,
        "entries": len(WORDS),
        "words": len(WORDS),
        "labels": 0,
        "pruned": -1,
        "quantised": 0,
        "rows": len(WORDS) + BUCKETS,
        "columns": DIM,
    } | changes
    head = [field["magic"], field["version"], field["dim"], 5, 5, 1, 5, 1, 2, field["kind"], field["buckets"]]
    data = struct.pack("<14id", *head, field["least"], field["most"], 100, 1e-4)
    data += struct.pack("<3i2q", field["entries"], field["words"], field["labels"], 99, field["pruned"])
    data += b"".join(word.encode() + b"\0" + struct.pack("<qb", 7, 0) for word in WORDS)
    return data + struct.pack("<?2q", field["quantised"], field["rows"], field["columns"]) + TABLE.tobytes()


def reference(word: str, most: int = MOST) -> np.ndarray[Any, Any]:
    """The definition, a character at a time, in float64."""
    characters = list(f"<{word}>")
    rows = [WORDS.index(word)] if word in WORDS else []
    for start in range(len(characters)):
        for n in range(LEAST, most + 1):
            piece = "".join(characters[start : start + n]).encode()
            if start + n > len(characters):
                break
            state = 2166136261
            for byte in piece:
                state = ((state ^ (byte if byte < 128 else byte + 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
            rows.append(len(WORDS) + state % BUCKETS)
    return TABLE[rows].astype(np.float64).mean(axis=0) if rows else np.zeros(DIM)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(model())
    return path


def test_vectors_are_those_of_the_definition(file: Path) -> None:
    words = ["bank", "the", "银行", "unheard", "银", "x", "banking", "naïve", "1" * 40]
    found = read_fasttext(file, None)
    np.testing.assert_allclose(found.vectors(words), [reference(word) for word in words], atol=1e-6)
    assert found.vectors([]).shape == (0, DIM)


def test_without_ngrams_only_listed_words_have_vectors(file: Path) -> None:
    for changes in ({"most": 0}, {"pruned": 0}, {"version": 11, "kind": 3}):
        file.write_bytes(model(**changes))
        found = read_fasttext(file, None).vectors(["bank", "unheard"])
        np.testing.assert_allclose(found, [TABLE[1], np.zeros(DIM)], atol=1e-7)


def test_texts_are_means_of_their_words(file: Path) -> None:
    encoder = StaticEncoder(file, normalize=False)
    rows = encoder.fit_transform(TEXTS)
    words = [["the", "bank"], ["the", "banks", "unheard"], ["银行", "nothing"], [], [], ["a"]]
    wanted = [np.mean([reference(w) for w in text], axis=0) if text else np.zeros(DIM) for text in words]
    np.testing.assert_allclose(rows, wanted, atol=1e-6)
    assert (encoder.n_words_, encoder.dim_, encoder.coverage_) == (5, DIM, 4 / 6)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(TEXTS), rows)
    np.testing.assert_array_equal(encoder.transform([]), np.empty((0, DIM), np.float32))
    np.testing.assert_array_equal(encoder.transform(["?", ""]), np.zeros((2, DIM), np.float32))


def test_words_that_are_not_listed_weigh_as_unseen_ones(file: Path) -> None:
    encoder = StaticEncoder(file, weighting="tfidf", normalize=False)
    rows = encoder.fit(TEXTS).transform(["the unheard"])
    the, unseen = np.log(7 / 3) + 1, np.log(7) + 1
    assert encoder.unseen_weight_ == pytest.approx(unseen)
    wanted = (the * reference("the") + unseen * reference("unheard")) / (the + unseen)
    np.testing.assert_allclose(rows[0], wanted, atol=1e-6)
    sif = StaticEncoder(file, weighting="sif", normalize=False).fit(TEXTS)
    assert sif.word_weights_[0] == pytest.approx(1e-3 / (1e-3 + 2 / 8))
    assert np.abs(sif.transform(TEXTS) @ sif.common_direction_).max() < 1e-6


def test_gensim_reads_the_same_vectors(tmp_path: Path) -> None:
    need("gensim")
    from gensim.models import FastText
    from gensim.models.fasttext import load_facebook_vectors, save_facebook_model

    sentences = [["the", "bank", "raises", "rates"], ["银行", "利率", "naïve"]] * 10
    trained = FastText(sentences, vector_size=8, min_count=1, bucket=50, epochs=1, seed=1, workers=1)
    save_facebook_model(trained, str(tmp_path / "gensim.bin"))
    theirs = load_facebook_vectors(str(tmp_path / "gensim.bin"))
    words = ["bank", "利率", "unheard", "naïveté", "银", "rates"]
    ours = read_fasttext(tmp_path / "gensim.bin", None).vectors(words)
    np.testing.assert_allclose(ours, [theirs[word] for word in words], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": 9}, "version 9, where 11 or 12"),
        ({"dim": 0}, "vectors of 0 numbers"),
        ({"dim": -4}, "vectors of -4 numbers"),
        ({"most": 1 << 30}, "n-grams of 2 to 1073741824 characters"),
        ({"buckets": -1}, "in -1 buckets"),
        ({"buckets": 0, "rows": 5}, "5 entries that are 5 words"),
        ({"entries": 1 << 30, "words": 1 << 30}, "damaged after|ends or is damaged"),
        ({"entries": -1, "words": -1}, "-1 entries"),
        ({"labels": 3}, "5 entries that are 5 words and 3 labels"),
        ({"pruned": 4}, "pruned"),
        ({"quantised": 1}, "quantised"),
        ({"rows": 1 << 60}, "a matrix of 1152921504606846976 x 6"),
        ({"columns": 7}, "a matrix of 28 x 7, where 28 x 6 is wanted"),
    ],
)
def test_models_that_are_not_sound_are_refused(changes: dict[str, Any], problem: str, file: Path) -> None:
    file.write_bytes(model(**changes))
    with pytest.raises(ValueError, match=problem) as caught:
        StaticEncoder(file).fit(["a"])
    assert str(file) in str(caught.value)


def test_models_are_refused_at_every_length(file: Path) -> None:
    data = model()
    for n_bytes in range(4, len(data), 7):
        file.write_bytes(data[:n_bytes])
        with pytest.raises(ValueError, match=r"model.bin' is not a fastText model that can be read: it ends"):
            read_fasttext(file, None)


def test_numbers_that_are_not_finite_are_refused_where_they_are_used(file: Path) -> None:
    data = bytearray(model())
    at = len(data) - 4 * DIM * (BUCKETS + 4)  # the vector of "bank"
    data[at : at + 4] = struct.pack("<f", np.nan)
    file.write_bytes(data)
    encoder = StaticEncoder(file).fit(["the"])
    with pytest.raises(ValueError, match="not all of its numbers are finite"):
        encoder.transform(["the bank"])
