"""Rows that pass through a device in blocks give the bits of the fit in memory on the CPU."""

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import KMeans, _core
from coterie.cluster import _stream
from tests.device import kmeans_cases as cases

N, D, K = 700, 12, 9


def rows_of(kind):
    X, _ = cases.rows_of("normal", N, D, K)
    return sp.csr_array(np.where(X > 0.6, X, 0).astype(np.float32)) if kind == "sparse" else X


def blocks_of(X, sizes=(256, 300, 144)):
    ends = np.cumsum(sizes)
    return lambda: (X[end - size : end] for size, end in zip(sizes, ends, strict=True))


def bits(model):
    return [
        np.asarray(a).tobytes()
        for a in (model.labels_, model.cluster_centers_, model.inertia_, model.n_iter_)
    ]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 256 rows, so that the buffers are used in turn."""
    monkeypatch.setattr("coterie.cluster._blocks._BLOCK_BYTES", 1)


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_streamed_through_a_device(kind, weighted, metric):
    X = rows_of(kind)
    weight = np.random.default_rng(0).integers(0, 3, N) / 2 if weighted else None
    options = {"metric": metric, "random_state": 0, "n_init": 1 + (kind == "sparse"), "max_iter": 3}
    here = KMeans(K, **options).fit(X, sample_weight=weight)
    there = KMeans(K, device="emulated", **options).fit(blocks_of(X), sample_weight=weight)
    assert bits(here) == bits(there)
    assert there.filter_ == ("bfloat16" if kind == "dense" else "float32")


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_empty_clusters_are_filled(kind):
    X = rows_of(kind)
    start = np.repeat((X.toarray() if kind == "sparse" else X)[:3], 3, axis=0)
    here = KMeans(K, init=start, max_iter=4).fit(X)
    assert bits(KMeans(K, init=start, max_iter=4, device="emulated").fit(blocks_of(X))) == bits(here)


def test_a_fit_goes_on_on_another_device(tmp_path):
    X = rows_of("dense")
    options = {"random_state": 0, "max_iter": 3, "checkpoint": tmp_path / "fit"}
    expected = bits(KMeans(K, random_state=0, max_iter=3).fit(X))
    assert bits(KMeans(K, device="emulated", **options).fit(X)) == expected
    assert bits(KMeans(K, resume=True, **options).fit(X)) == expected


def test_rows_that_change_are_refused():
    X, n_passes = rows_of("dense"), iter(range(100))

    def rows():
        changed = X.copy()
        changed[500, 3] += 0 if next(n_passes) < 4 else 1
        return iter([changed])

    with pytest.raises(ValueError, match="X gave other rows in a later pass"):
        KMeans(K, random_state=0, device="emulated", tol=0).fit(rows)


def test_a_block_that_is_not_finite_is_refused():
    room = _core.DevicePass(_core.Device("emulated"), "euclidean", False, 1, np.ones(2), 1.0, 4, 0, False, 1)
    room.begin(np.zeros((1, 2), np.float32), True, False)
    room.add(np.array([[1, 2], [np.nan, 0]], np.float32), None, np.zeros(2, np.int32))
    with pytest.raises(ValueError, match="X must be finite; row 1 of a block is not"):
        room.finish()
    labels = np.full(3, -1, np.int32)
    room.begin(np.zeros((1, 2), np.float32), True, False)  # a new pass after one that was given up
    room.add(np.ones((3, 2), np.float32), None, labels)
    sums, weight, changed, *_ = room.finish()
    assert (sums.tolist(), weight.tolist(), changed, labels.tolist()) == ([[3, 3]], [3], 3, [0, 0, 0])


@pytest.mark.parametrize(
    ("block", "labels", "message"),
    [
        (np.ones((5, 2), np.float32), np.zeros(5, np.int32), "a block has 5 rows; at most 4"),
        (np.ones((2, 3), np.float32), np.zeros(2, np.int32), "a block has 3 features; wanted 2"),
        (np.ones((2, 2), np.float32), np.array([0, 1], np.int32), r"labels\[1\]=1 must be within \[-1, 1\)"),
    ],
)
def test_blocks_that_were_not_announced_are_refused(block, labels, message):
    room = _core.DevicePass(_core.Device("emulated"), "euclidean", False, 1, np.ones(2), 1.0, 4, 0, False, 1)
    room.begin(np.zeros((1, 2), np.float32), True, False)
    with pytest.raises(ValueError, match=message):
        room.add(block, None, labels)


def test_a_sparse_block_may_have_more_values_than_expected():
    X = rows_of("sparse")
    parts = (X.data, X.indices.astype(np.int32), X.indptr.astype(np.int64), D)
    samples = _core.Samples(parts, None, "euclidean", 1)
    centers = X[:K].toarray()
    scales = _core.integer_scales(samples.data_range()[2], float(N), "euclidean")
    room = _core.DevicePass(_core.Device("emulated"), "euclidean", True, K, *scales, N, 1, False, 1)
    room.begin(centers, False, True)
    labels = np.full(N, -1, np.int32)
    room.add(parts, None, labels)
    found, expected = (
        room.finish(),
        samples.partial_step(centers, *scales, np.full(N, -1, np.int32), True),
    )
    np.testing.assert_array_equal(labels, expected[0])
    np.testing.assert_array_equal(found[0], expected[1])
    np.testing.assert_array_equal(found[5], expected[6])


def test_pinned_memory_counts(monkeypatch):
    assert _stream._PINNED_BYTES >= 4 * (16 << 20)
    with pytest.raises(ValueError, match="memory_limit=50000000 bytes is too small"):
        KMeans(K, device="emulated", memory_limit="50MB").fit(rows_of("dense"))
