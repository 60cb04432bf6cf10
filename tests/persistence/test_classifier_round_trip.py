"""Encoders of texts and classifiers come back from their folders, and hostile folders do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from coterie import TfidfVectorizer, cluster_texts
from coterie.classify import make_classifier
from coterie.encode import LsaEncoder
from coterie.persistence import load, load_model, save, save_model

TEXTS = [f"{a} {b}" for a in ("red", "sweet", "ripe") for b in ("apple", "cherry", "apple cherry")] + [
    f"{a} {b}" for a in ("slow", "late", "fast") for b in ("train", "bus", "train bus")
]
LABELS = ["fruit"] * 9 + ["travel"] * 9
TAGS = [("fruit", "red") if "red" in text else ("fruit",) for text in TEXTS[:9]] + [()] * 9


def test_lsa_gives_the_same_bits(tmp_path: Path) -> None:
    encoder = LsaEncoder(6).fit(TEXTS)
    save(encoder, tmp_path / "lsa")
    restored = load(tmp_path / "lsa")
    assert restored.get_params() == encoder.get_params()
    assert restored.transform(TEXTS).tobytes() == encoder.transform(TEXTS).tobytes()
    of_matrix = LsaEncoder(3).fit(TfidfVectorizer().fit_transform(TEXTS))
    save(of_matrix, tmp_path / "of_matrix")
    assert load(tmp_path / "of_matrix").vectorizers_ == []


@pytest.mark.parametrize("labels", [LABELS, [len(label) for label in LABELS], TAGS])
@pytest.mark.parametrize("encoder", ["tfidf", "lsa"])
def test_pipelines_give_the_same_probabilities(tmp_path: Path, encoder: str, labels: Any) -> None:
    model = make_classifier(encoder).fit(TEXTS, labels)
    save(model, tmp_path / "model")
    restored = load(tmp_path / "model")
    assert isinstance(restored, Pipeline)
    assert np.array_equal(restored.predict_proba(TEXTS), model.predict_proba(TEXTS))
    assert list(restored.predict(TEXTS)) == list(model.predict(TEXTS))
    assert restored.classes_.dtype == model.classes_.dtype


def test_a_cluster_model_on_lsa_comes_back(tmp_path: Path) -> None:
    model = cluster_texts(TEXTS, encoder="lsa", n_clusters=2).model
    save_model(model, tmp_path / "model")
    restored = load_model(tmp_path / "model")
    assert restored.predict(TEXTS).distances.tobytes() == model.predict(TEXTS).distances.tobytes()


def test_other_pipelines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="encoder, classifier or vectorizer, topics; got tfidfvectorizer"):
        save(make_pipeline(TfidfVectorizer(), RidgeClassifier()).fit(TEXTS, LABELS), tmp_path / "model")
    foreign = Pipeline([("encoder", TfidfVectorizer()), ("classifier", RidgeClassifier())]).fit(TEXTS, LABELS)
    with pytest.raises(TypeError, match="classifier must be one of"):
        save(foreign, tmp_path / "model")


def edit(folder: Path, *path: str, value: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    at = manifest
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("attributes", "multi_label_"), 1, "bool is wanted"),
        (("attributes", "n_features_in_"), 3, "weights and calibration of shapes"),
        (("attributes", "classes_"), {"strings": ["a", "a"]}, "a label that occurs twice"),
        (("attributes", "classes_"), {"strings": ["a"]}, "weights and calibration of shapes"),
        (("parameters", "C"), -1.0, "C must be"),
        (("class",), "RidgeClassifier", "its class must be one of"),
    ],
)
def test_damaged_classifiers_are_refused(
    tmp_path: Path, path: tuple[str, ...], value: Any, message: str
) -> None:
    save(make_classifier().fit(TEXTS, LABELS), tmp_path / "model")
    edit(tmp_path / "model", "parts", "classifier", *path, value=value)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "model")


def test_damaged_encoders_are_refused(tmp_path: Path) -> None:
    save(LsaEncoder(3).fit(TEXTS), tmp_path / "model")
    part = ("parts", "estimator", "attributes")
    for name, value, message in (
        ("n_components_", 4, "directions of shape"),
        (
            "vectorizers_",
            {"estimators": [{"class": "LsaEncoder"}]},
            "its class must be one of TfidfVectorizer",
        ),
        ("vectorizers_", {"estimators": 3}, "a list of estimators is wanted"),
    ):
        before = (tmp_path / "model" / "manifest.json").read_text()
        edit(tmp_path / "model", *part, name, value=value)
        with pytest.raises(ValueError, match=message):
            load(tmp_path / "model")
        (tmp_path / "model" / "manifest.json").write_text(before)


def test_steps_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    save(make_classifier().fit(TEXTS, LABELS), tmp_path / "model")
    save(make_classifier(TfidfVectorizer(min_df=4)).fit(TEXTS, LABELS), tmp_path / "other")
    manifests = [json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("model", "other")]
    for name in manifests[1]["files"]:
        if name.startswith("encoder"):
            (tmp_path / "model" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    manifests[0]["parts"]["encoder"] = manifests[1]["parts"]["encoder"]
    manifests[0]["files"] |= {k: v for k, v in manifests[1]["files"].items() if k.startswith("encoder")}
    (tmp_path / "model" / "manifest.json").write_text(json.dumps(manifests[0]))
    with pytest.raises(ValueError, match="the encoder gives 4 features, the classifier has"):
        load(tmp_path / "model")
