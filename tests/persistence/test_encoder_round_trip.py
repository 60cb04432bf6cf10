"""Models with an encoder that reads files: named by path and hash or copied, and checked before they are opened."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coterie import KMeans, cluster_texts
from coterie.encode import OnnxEncoder, StaticEncoder
from coterie.persistence import can_save, load, load_model, save, save_model
from encode.conftest import minilm, minilm_source  # noqa: F401

WORDS = {"fruit": ["apple", "pear", "cherry"], "train": ["engine", "rail", "wagon"]}
TEXTS = [f"{a} {b}" for words in WORDS.values() for a in words for b in words]
VECTORS = "".join(
    f"{word} {1 - topic} {topic} {0.1 * i}\n"
    for topic, words in enumerate(WORDS.values())
    for i, word in enumerate(words)
)


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_text(VECTORS)
    return path


@pytest.fixture
def saved(vectors: Path, tmp_path: Path) -> Path:
    save_model(cluster_texts(TEXTS, encoder=f"static:{vectors}", n_clusters=2).model, tmp_path / "model")
    return tmp_path / "model"


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest["parts"]["vectorizer"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("weighting", ["mean", "sif", "tfidf"])
@pytest.mark.parametrize("copy", [False, True])
def test_word_vectors_come_back_to_the_bit(weighting: str, copy: bool, vectors: Path, tmp_path: Path) -> None:
    result = cluster_texts(TEXTS, encoder=StaticEncoder(vectors, weighting=weighting), n_clusters=2)
    assert can_save(result.model)
    save_model(result.model, tmp_path / "model", copy_encoder=copy)
    if copy:
        vectors.unlink()
        shutil.move(tmp_path / "model", tmp_path / "moved")
    loaded = load_model(tmp_path / ("moved" if copy else "model"))
    texts = [*TEXTS, "an apple", "nothing known", ""]
    np.testing.assert_array_equal(loaded.encoder.transform(texts), result.model.encoder.transform(texts))
    np.testing.assert_array_equal(loaded.predict(texts).distances, result.model.predict(texts).distances)
    assert loaded.encoder.coverage_ == result.model.encoder.coverage_


def test_a_transformer_is_named_or_copied(minilm: Path, tmp_path: Path) -> None:  # noqa: F811
    result = cluster_texts(TEXTS, encoder=OnnxEncoder(minilm, max_length=32), n_clusters=2)
    save_model(result.model, tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    source = manifest["parts"]["vectorizer"]["source"]
    assert source["path"] == os.fspath(minilm)
    listed = json.loads((minilm / "manifest.json").read_text())["files"]
    assert source["files"]["model.onnx"] == listed["model.onnx"]
    assert sum(path.stat().st_size for path in (tmp_path / "model").rglob("*")) < 100_000
    loaded = load_model(tmp_path / "model")
    assert loaded.encoder.max_length == 32
    np.testing.assert_array_equal(loaded.predict(TEXTS).distances, result.model.predict(TEXTS).distances)

    save_model(result.model, tmp_path / "alone", copy_encoder=True)
    alone = load_model(tmp_path / "alone")
    assert Path(alone.encoder.folder) == tmp_path / "alone" / "vectorizer.source"
    np.testing.assert_array_equal(alone.predict(TEXTS).labels, result.labels)
    save_model(result.model, tmp_path / "alone", copy_encoder=False, overwrite=True)
    assert not (tmp_path / "alone" / "vectorizer.source").exists()


def test_copies_are_copied_on_even_over_themselves(vectors: Path, tmp_path: Path) -> None:
    result = cluster_texts(TEXTS, encoder=f"static:{vectors}", n_clusters=2)
    save_model(result.model, tmp_path / "one", copy_encoder=True)
    vectors.unlink()
    save_model(load_model(tmp_path / "one"), tmp_path / "one", overwrite=True)
    save_model(load_model(tmp_path / "one"), tmp_path / "two")
    shutil.rmtree(tmp_path / "one")
    np.testing.assert_array_equal(load_model(tmp_path / "two").predict(TEXTS).labels, result.labels)


def test_an_encoder_that_was_moved_is_found_where_it_is_said_to_be(
    saved: Path, vectors: Path, tmp_path: Path
) -> None:
    wanted = hashlib.sha256(VECTORS.encode()).hexdigest()
    shutil.move(vectors, tmp_path / "elsewhere.txt")
    with pytest.raises(
        FileNotFoundError, match=f"needs '{vectors}' with SHA-256 {wanted}, which is not there"
    ):
        load_model(saved)
    loaded = load_model(saved, encoder=tmp_path / "elsewhere.txt")
    assert (
        loaded.predict(["apple", "rail"]).labels
        == load(saved, encoder=tmp_path / "elsewhere.txt").predict(["apple", "rail"]).labels
    ).all()


def test_an_encoder_that_was_changed_is_refused_with_both_hashes(saved: Path, vectors: Path) -> None:
    vectors.write_text(VECTORS.replace("0.1", "0.3"))
    now, then = (hashlib.sha256(data).hexdigest() for data in (vectors.read_bytes(), VECTORS.encode()))
    with pytest.raises(ValueError, match=f"{vectors}: its SHA-256 is {now}, where {then} is wanted"):
        load_model(saved)


CHANGES: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda part: part["source"].update(path="vectors.txt"), "an absolute path or null is wanted"),
    (lambda part: part["source"].update(path="/dev/zero"), "cannot be read .not a plain file"),
    (lambda part: part["source"].update(path="/etc"), "cannot be read"),
    (lambda part: part["source"].update(path="/proc/self/environ"), "it is not the encoder of this model"),
    (lambda part: part["source"].update(files={}), "1 to 64 files"),
    (lambda part: part["source"].update(is_folder=1), "1 to 64 files"),
    (
        lambda part: part["source"].update(files={"../x": {"bytes": 1, "sha256": ""}}),
        "is not the name of a file",
    ),
    (lambda part: part["source"]["files"].update({"vectors.txt": {}}), "the fields .* are wanted"),
    (lambda part: part.pop("source"), "the fields .* are wanted"),
    (lambda part: part["attributes"].update(dim_=4), "6 vectors of 3 numbers, where 6 of 4 are wanted"),
    (lambda part: part["parameters"].update(path="/etc/passwd"), "unknown parameters: ..path"),
    (lambda part: part["parameters"].update(weighting="exec"), "weighting"),
]


@pytest.mark.parametrize(("change", "problem"), CHANGES)
def test_a_manifest_that_is_not_sound_is_refused(
    change: Callable[[dict[str, Any]], Any], problem: str, saved: Path
) -> None:
    edit(saved, change)
    with pytest.raises(ValueError, match=problem) as caught:
        load_model(saved)
    assert str(caught.value).startswith(f"model folder {str(saved)!r} is refused: ")


def test_pipes_are_not_waited_for_and_copies_are_no_links(vectors: Path, tmp_path: Path) -> None:
    model = cluster_texts(TEXTS, encoder=f"static:{vectors}", n_clusters=2).model
    save_model(model, tmp_path / "copied", copy_encoder=True)
    copy = tmp_path / "copied" / "vectorizer.source" / "vectors.txt"
    copy.unlink()
    copy.symlink_to(vectors)
    with pytest.raises(ValueError, match="a copied file must not be a link"):
        load_model(tmp_path / "copied")
    save_model(model, tmp_path / "named")
    vectors.unlink()
    os.mkfifo(vectors)
    with pytest.raises(ValueError, match="not a plain file"):
        load_model(tmp_path / "named")


def test_encoders_are_kept_alone_and_in_front_of_classifiers(vectors: Path, tmp_path: Path) -> None:
    from coterie.classify import make_classifier

    save(StaticEncoder(vectors).fit(TEXTS), tmp_path / "encoder")
    np.testing.assert_array_equal(
        load(tmp_path / "encoder").transform(TEXTS), StaticEncoder(vectors).fit_transform(TEXTS)
    )
    labels = ["fruit"] * 9 + ["train"] * 9
    classifier = make_classifier(encoder=f"static:{vectors}").fit(TEXTS, labels)
    save(classifier, tmp_path / "classifier", copy_encoder=True)
    vectors.unlink()
    assert load(tmp_path / "classifier").predict(TEXTS).tolist() == labels


def test_encoders_that_do_not_fit_the_centres_are_refused(vectors: Path, tmp_path: Path) -> None:
    from coterie.journey import ClusterModel

    encoder = StaticEncoder(vectors).fit(TEXTS)
    with pytest.raises(ValueError, match="gives 3 features, the centres have 2"):
        save_model(ClusterModel(encoder, KMeans(2).fit(np.eye(2)), []), tmp_path / "model")
