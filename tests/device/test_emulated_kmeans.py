"""K-means as device programs, emulated on the host thread by thread, gives the CPU's bits."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import _core
from tests.device import kmeans_cases as cases


@pytest.fixture(scope="module")
def device():
    return _core.Device("emulated")


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize("shape", cases.SHAPES)
def test_every_size(device, shape, metric):
    X, centers = cases.rows_of("normal", *shape)
    cases.check_fit(X, centers, metric, device, n_iter=3)
    cases.check_distances(X, centers, metric, device)


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize("kind", cases.KINDS)
def test_adversarial_rows(device, kind, metric):
    for d in (1, 24, 70):
        X, centers = cases.rows_of(kind, 200, d, 21)
        cases.check_assignment(X, centers, metric, device)
        cases.check_distances(X, centers, metric, device)
    cases.check_fit(X, centers, metric, device)


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize("kind", cases.KINDS)
def test_adversarial_sparse_rows(device, kind, metric):
    for k in (1, 17, 150):
        X, centers = cases.sparse_rows_of(kind, 200, 60, k)
        cases.check_assignment(X, centers, metric, device)
    cases.check_fit(X, centers, metric, device)
    cases.check_distances(X, centers, metric, device)


@pytest.mark.parametrize("metric", cases.METRICS)
def test_weights_and_empty_clusters(device, metric):
    random = np.random.default_rng(1)
    X, centers = cases.rows_of("small integers", 300, 12, 30)
    centers[:7] = centers[7]  # ties: the first of equals takes all rows, six are empty and are relocated
    weight = random.integers(0, 4, 300) / 3
    cases.check_fit(X, centers, metric, device, weight)
    sparse, starts = cases.sparse_rows_of("normal", 300, 40, 12)
    starts[:4] = starts[5]
    cases.check_fit(sparse, starts, metric, device, weight)


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize("spread", [0.1, 1.0])
def test_rows_that_cannot_change_are_skipped(device, metric, spread):
    X, centers = cases.groups_of(400, 20, 12, spread)
    assert cases.check_skipping(X + 3, centers + 3, metric, device) < 0.95
    assert cases.check_skipping(X, centers, metric, device, np.arange(400) % 3 / 2) < 0.85
    sparse = sp.csr_array(np.where(X > 0.5, X, 0).astype(np.float32))
    assert cases.check_skipping(sparse, centers, metric, device) < 0.8


@pytest.mark.parametrize("metric", cases.METRICS)
def test_rows_are_looked_at_again_after_a_cluster_was_empty(device, metric):
    X, centers = cases.groups_of(300, 12, 9, 0.3)
    centers[4:] = centers[3]  # empty in turn while others settle
    assert cases.check_skipping(X, centers, metric, device) < 1


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize(
    ("kind", "n", "d", "k"),
    [("near ties", 260, 33, 130), ("duplicates", 270, 20, 140), ("normal", 40, 420, 9)],
)
def test_wgmma_gives_the_same(metric, kind, n, d, k):
    """Rows that stay in shared memory or do not, more than a tile of rows and columns, few and many candidates."""
    hopper = _core.Device("emulated:wgmma")
    assert _core.wgmma_state(hopper) == (True, "")
    X, centers = cases.rows_of(kind, n, d, k)
    cases.check_fit(X, centers, metric, hopper, n_iter=2)


def test_wgmma_is_not_asked_of_a_device_without():
    used, why = _core.wgmma_state(_core.Device("emulated"))
    assert not used
    assert "none that this build has code for" in why


def test_wgmma_can_be_avoided():
    code = "from coterie import _core; print(_core.wgmma_state(_core.Device('emulated:wgmma')))"
    environment = {**os.environ, "COTERIE_CUDA_WGMMA": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "(False, 'COTERIE_CUDA_WGMMA=0')\n"


@pytest.mark.parametrize("metric", cases.METRICS)
def test_seeds_are_the_rows_that_the_cpu_draws(device, metric):
    random = np.random.default_rng(2)
    X, _ = cases.rows_of("normal", 1100, 9, 1)
    cases.check_seeding(X, 13, metric, device)
    cases.check_seeding(X, 40, metric, device, random.random(1100))
    cases.check_seeding(X, 13, metric, device, random.integers(0, 2, 1100).astype(np.float64), max_rows=300)
    cases.check_seeding(np.ones((50, 3), np.float32), 5, metric, device)
    sparse, _ = cases.sparse_rows_of("normal", 300, 20, 1)
    cases.check_seeding(sparse, 7, metric, device)
    cases.check_seeding(sparse, 30, metric, device, random.random(300), max_rows=120)
    cases.check_seeding(sparse[:40], 40, metric, device)


def test_more_candidates_than_are_listed_are_all_compared(device):
    X, centers = cases.rows_of("near ties", 300, 40, 1)
    centers = np.repeat(X[:1], 40, axis=0)
    centers[25] += np.float32(2**-22)
    cases.check_assignment(X, centers, "euclidean", device)
    cases.check_distances(X, centers, "euclidean", device)


def test_candidates_are_counted_for_each_row(device):
    X = np.repeat(np.eye(4, dtype=np.float32), 20, axis=0)
    *_, per_row, _ = _core.DeviceSamples(X, None, "euclidean", device, 2).lloyd(X[::20].copy(), 3, 0.0, None)
    assert per_row == 1  # the centres are far apart: the filter leaves one each time


def test_rows_that_are_not_finite_are_named(device):
    X = np.ones((70, 5), np.float32)
    X[33, 2], X[40, 0] = np.inf, np.nan
    with pytest.raises(ValueError, match=r"X\[33, 2\]=inf"):
        _core.DeviceSamples(X, None, "euclidean", device, 1)
    parts = (np.array([1, np.nan], np.float32), np.array([0, 3], np.int32), np.array([0, 1, 2]), 4)
    with pytest.raises(ValueError, match=r"X\[1, 3\]=nan"):
        _core.DeviceSamples(parts, None, "euclidean", device, 1)


def test_strided_rows_are_copied_as_they_lie(device):
    whole = np.random.default_rng(0).standard_normal((101, 40)).astype(np.float32)
    part = whole[1:, 3:20]
    cases.check_assignment(part, np.ascontiguousarray(part[:9]), "euclidean", device)


def test_lent_rows_are_read_where_they_lie(device):
    X = np.random.default_rng(0).standard_normal((60, 7)).astype(np.float32)
    rows = X[:, 1:5]
    lent = _core.DeviceSamples(rows.__dlpack__(), None, "euclidean", device, 1)
    assert (lent.n_samples, lent.n_features) == (60, 4)
    np.testing.assert_array_equal(lent.take_rows(np.array([3, 0, 59])), rows[[3, 0, 59]])
    here = _core.Samples(rows, None, "euclidean", 1)
    cases.assert_same_run(here.lloyd(rows[:5], 4, 0.0, None), lent.lloyd(rows[:5].copy(), 4, 0.0, None))
    with pytest.raises(ValueError, match="row 60 must be within"):
        lent.take_rows(np.array([60]))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((3, 2)), "must be float32"),
        (np.ones(3, np.float32), "two-dimensional"),
        (np.ones((4, 6), np.float32)[:, ::2], "contiguous"),
        (np.ones((4, 6), np.float32, order="F"), "contiguous"),
    ],
)
def test_arrays_that_cannot_be_lent_are_refused(device, array, message):
    with pytest.raises(ValueError, match=message):
        _core.DeviceSamples(array.__dlpack__(), None, "euclidean", device, 1)


def test_a_capsule_is_used_once(device):
    capsule = np.ones((3, 2), np.float32).__dlpack__()
    assert _core.DeviceSamples(capsule, None, "euclidean", device, 1).n_samples == 3
    with pytest.raises(ValueError, match="nobody has used"):
        _core.DeviceSamples(capsule, None, "euclidean", device, 1)
