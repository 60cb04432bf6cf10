"""What was saved comes back: parameters, attributes, and every prediction bit for bit."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state

from coterie import KMeans, MiniBatchKMeans
from coterie.persistence import load, save

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 7)).astype(np.float32)
OTHER = RANDOM.normal(size=(100, 7)).astype(np.float32)


def assert_same(value: Any, other: Any) -> None:
    if isinstance(value, np.ndarray):
        assert value.dtype == other.dtype
        assert value.shape == other.shape
        assert value.tobytes() == other.tobytes() or value.dtype == object
        assert value.tolist() == other.tolist() or np.isnan(value).any()
    elif isinstance(value, np.random.RandomState):
        assert_same(np.asarray(value.get_state()[1]), np.asarray(other.get_state()[1]))
        assert value.get_state()[2:] == other.get_state()[2:]
    else:
        assert type(value) is type(other)
        assert value == other


def assert_same_estimator(estimator: Any, other: Any) -> None:
    assert type(estimator) is type(other)
    assert set(vars(estimator)) == set(vars(other))
    for name, value in vars(estimator).items():
        assert_same(value, vars(other)[name])


@pytest.mark.parametrize(
    "kmeans",
    [
        KMeans(5, random_state=0),
        KMeans(1, random_state=np.int64(3), metric="cosine", n_threads=2),
        KMeans(3, init=X[:3].astype(np.float64), n_init=1),
        KMeans(3, init=X[:3].tolist(), n_init=1, tol=np.float32(0.5)),
        KMeans(4, random_state=check_random_state(7), n_init="auto"),
        MiniBatchKMeans(5, random_state=0, batch_size=50),
        MiniBatchKMeans(5, random_state=0, compute_labels=False, metric="cosine"),
    ],
)
def test_centres_come_back(tmp_path: Path, kmeans: Any) -> None:
    kmeans.fit(X)
    save(kmeans, tmp_path / "new" / "model")
    loaded = load(tmp_path / "new" / "model")
    for name in kmeans.get_params():
        if not isinstance(getattr(kmeans, name), np.generic):
            assert_same(getattr(kmeans, name), getattr(loaded, name))
    for name in set(vars(kmeans)) - set(kmeans.get_params()):
        assert_same(getattr(kmeans, name), getattr(loaded, name))
    for saved, read in zip(kmeans.predict_top_two(OTHER), loaded.predict_top_two(OTHER), strict=True):
        assert_same(saved, read)
    assert_same(kmeans.predict(OTHER), loaded.predict(OTHER))
    assert_same(kmeans.transform(OTHER), loaded.transform(OTHER))
    assert loaded.cluster_centers_.flags.writeable


def test_column_names_come_back(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X[:, :2], columns=["ä", "b"])
    kmeans = KMeans(2, random_state=0).fit(frame)
    save(kmeans, tmp_path / "model")
    assert_same_estimator(kmeans, load(tmp_path / "model"))


def test_learning_goes_on_where_it_was(tmp_path: Path) -> None:
    kmeans = MiniBatchKMeans(5, random_state=0).partial_fit(X)
    save(kmeans, tmp_path / "model")
    loaded = load(tmp_path / "model")
    for _ in range(5):
        kmeans.partial_fit(OTHER)
        loaded.partial_fit(OTHER)
    assert_same_estimator(kmeans, loaded)


@settings(max_examples=30, deadline=None)
@given(
    data=hnp.arrays(
        np.float32,
        st.tuples(st.integers(2, 20), st.integers(1, 5)),
        elements=st.floats(-1e10, 1e10, width=32),
    ),
    metric=st.sampled_from(["euclidean", "cosine"]),
    seed=st.integers(0, 2**32 - 1),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_any_centres_come_back(data: Any, metric: str, seed: int) -> None:
    kmeans = KMeans(2, metric=metric, random_state=seed, max_iter=3).fit(data)
    with tempfile.TemporaryDirectory() as folder:
        save(kmeans, folder)
        loaded = load(folder)
    assert_same_estimator(kmeans, loaded)
    assert_same(kmeans.predict_top_two(data)[1], loaded.predict_top_two(data)[1])


def test_manifest_says_what_is_there(tmp_path: Path) -> None:
    kmeans = KMeans(3, random_state=0).fit(X)
    save(kmeans, tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert manifest["schema_version"] == 1
    assert manifest["kind"] == "KMeans"
    assert manifest["parts"]["estimator"]["parameters"]["n_clusters"] == 3
    centres = np.load(tmp_path / "model" / "estimator.cluster_centers_.npy", allow_pickle=False)
    assert_same(centres, kmeans.cluster_centers_)
    listed = {*manifest["files"], "manifest.json", ".coterie-output.json"}
    assert set(os.listdir(tmp_path / "model")) == listed


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    kmeans = KMeans(3, random_state=0).fit(X)
    for name in "ab":
        save(kmeans, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_overwrite(tmp_path: Path) -> None:
    kmeans = KMeans(3, random_state=0).fit(X)
    save(kmeans, tmp_path / "model")
    with pytest.raises(FileExistsError, match="overwrite"):
        save(kmeans, tmp_path / "model")
    save(MiniBatchKMeans(2, random_state=0).fit(X), tmp_path / "model", overwrite=True)
    assert load(tmp_path / "model").n_clusters == 2


@pytest.mark.parametrize(
    ("estimator", "error", "match"),
    [
        (KMeans(2), NotFittedError, "not fitted"),
        (SklearnKMeans(2, n_init=1).fit(X), TypeError, "estimator must be one of KMeans, .*; got KMeans"),
        (3, TypeError, "estimator must be one of KMeans"),
        (type("Own", (KMeans,), {})(2).fit(X), TypeError, "got Own"),
        (
            KMeans(2, init=lambda X, n_clusters, random_state: X[:n_clusters], n_init=1).fit(X),
            TypeError,
            "estimator.init is <function .*never executes code",
        ),
    ],
)
def test_what_cannot_be_saved(tmp_path: Path, estimator: Any, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        save(estimator, tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_a_folder_older_than_a_parameter_loads_with_its_default(tmp_path: Path) -> None:
    model = KMeans(2, random_state=0).fit(np.array([[0.0], [1.0], [9.0]], dtype=np.float32))
    save(model, tmp_path / "model")
    manifest = tmp_path / "model" / "manifest.json"
    content = json.loads(manifest.read_text())
    del content["parts"]["estimator"]["parameters"]["memory_limit"]
    manifest.write_text(json.dumps(content))
    loaded = load(tmp_path / "model")
    assert loaded.memory_limit is None
    np.testing.assert_array_equal(loaded.predict([[8.0], [0.2]]), model.predict([[8.0], [0.2]]))
