"""Neighbours by device programs, emulated on the host thread by thread, have the CPU's bits."""

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import _core
from coterie.similarity import cosine_top_k, jaccard_top_k, near_duplicates
from tests.device import top_k_cases as cases
from tests.device.on_gpu import OnGpu


@pytest.mark.parametrize("make", [cases.dense, cases.sparse])
@pytest.mark.parametrize("shape", cases.SHAPES)
def test_every_size(make, shape):
    n, m, d, k = shape
    cases.check_pair(make("normal", n, d), make("normal", m, d, seed=1), k, "emulated")


@pytest.mark.parametrize("make", [cases.dense, cases.sparse])
@pytest.mark.parametrize("kind", cases.KINDS)
def test_adversarial_rows(make, kind):
    X, Y = make(kind, 120, 40), make(kind, 150, 40, seed=1)
    if kind == "huge":  # beyond float32 after scaling; refused alike
        X, Y = X * np.float32(1e-20), Y * np.float32(1e-20)
    cases.check_pair(X, Y, 7, "emulated")


@pytest.mark.parametrize("make", [cases.dense, cases.sparse])
@pytest.mark.parametrize("threshold", [-0.1, 0.0, 0.3, 1.0])
def test_thresholds(make, threshold):
    X = make("duplicates", 130, 30)
    cases.check_pair(X, make("normal", 140, 30, seed=1), 12, "emulated", threshold)


def test_columns_beyond_the_table_of_bits():
    """Columns that are equal modulo the table's size are told apart."""
    random = np.random.default_rng(0)
    narrow = cases.sparse("small integers", 60, 40)
    columns = np.sort(random.permutation(5)[:, None] * 2**17 + np.arange(8), axis=None)
    wide = type(narrow)((narrow.data, columns[narrow.indices], narrow.indptr), shape=(60, 2**20))
    cases.check_pair(wide, wide[:30], 5, "emulated")


@pytest.mark.parametrize("make", [cases.dense, cases.sparse])
@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.9])
def test_all_that_reach_a_threshold(make, threshold):
    X = make("duplicates", 140, 30)
    cases.check_pair(X, make("normal", 270, 30, seed=1), None, "emulated", threshold)


def test_a_threshold_below_all_similarities():
    cases.check_pair(
        cases.dense("normal", 33, 8), cases.dense("normal", 40, 8, seed=1), None, "emulated", -1.0
    )


@pytest.mark.parametrize("threshold", [0.5, 0.9, 0.97, 1.0])
@pytest.mark.parametrize("n", [2, 150, 300])
def test_near_duplicates(n, threshold):
    X = cases.near_copies(n, 24) if n > 2 else np.ones((2, 24), np.float32)
    cases.check_groups(X, threshold, "emulated")
    cases.check_groups(sp.csr_array(X), threshold, "emulated")


@pytest.mark.parametrize(
    ("n", "m", "d", "k"), [(1, 2, 1, 1), (257, 129, 33, 9), (70, 300, 40, 3), (30, 140, 420, 0)]
)
def test_wgmma_gives_the_same_neighbours(n, m, d, k):
    """Its threads have two groups of a row's columns, where those of mma.sync have one."""
    X, Y = cases.dense("normal", n, d), cases.dense("normal", m, d, seed=1)
    threshold = 0.05 if k == 0 else -1.0
    expected = _core.cosine_top_k(X, Y, k, threshold, None, 1, None)
    found = _core.cosine_top_k(X, Y, k, threshold, None, 1, _core.Device("emulated:wgmma"))
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_pairs_beyond_the_room_for_them():
    """3,000 equal rows are more than 2**22 pairs: fewer rows are asked at a time."""
    device = _core.Device("emulated")
    X = np.ones((3000, 2), np.float32)
    found = _core.cosine_components(X, 0.5, 1, device)
    assert (found == 0).all()


@pytest.mark.parametrize("k", [3, None])
def test_rows_that_lie_on_a_device(one_gpu, k):
    X, Y = cases.dense("normal", 70, 20), cases.dense("normal", 90, 20, seed=1)
    wide = np.hstack([X, X])
    for there, others in ((OnGpu(X), OnGpu(Y)), (OnGpu(X), None), (OnGpu(wide[:, :20]), OnGpu(Y))):
        found = cosine_top_k(there, others, k=k, threshold=0.1, device="auto")
        expected = cosine_top_k(X, None if others is None else Y, k=k, threshold=0.1)
        cases.assert_same(expected, found)


def test_rows_on_a_device_that_cannot_be_searched(one_gpu):
    X = cases.dense("normal", 20, 4)
    with pytest.raises(ValueError, match="X and Y must lie on one device; got X on cuda:0 and Y on the host"):
        cosine_top_k(OnGpu(X), X, k=1, device="auto")
    with pytest.raises(ValueError, match="got X on cuda:0 and Y on cuda:1"):
        cosine_top_k(OnGpu(X), OnGpu(X, 1), k=1, device="auto")
    with pytest.raises(ValueError, match="device='cpu', but X lies on cuda:0"):
        cosine_top_k(OnGpu(X), k=1)
    with pytest.raises(ValueError, match="Y has 3; they must be equal"):
        cosine_top_k(OnGpu(X), OnGpu(X[:, :3].copy()), k=1, device="auto")
    with pytest.raises(ValueError, match="k must be 1 to 1024 with device='auto'; got 2000"):
        cosine_top_k(OnGpu(X), k=2000, device="auto")
    with pytest.raises(TypeError, match="X must be on the host, which makes it CSR; it lies on cuda:0"):
        jaccard_top_k(OnGpu(X), k=1, device="auto")
    X[7, 2] = np.inf
    with pytest.raises(ValueError, match="rows must be finite; row 7 is not"):
        cosine_top_k(OnGpu(X), k=1, device="auto")


def test_searches_beyond_a_device_are_refused():
    X = cases.dense("normal", 20, 4)
    with pytest.raises(ValueError, match="k must be 1 to 1024 with device='emulated'; got 2000"):
        jaccard_top_k(X, k=2000, device="emulated")
    with pytest.raises(ValueError, match="method='minhash' runs on the CPU; got device='emulated'"):
        near_duplicates(X, method="minhash", device="emulated")
    with pytest.raises(ValueError, match="device must be"):
        cosine_top_k(X, k=1, device="tpu")


def test_nothing_to_search():
    empty = np.empty((0, 4), np.float32)
    X = cases.dense("normal", 5, 4)
    for x, y in ((X, empty), (empty, X)):
        assert cosine_top_k(x, y, k=2, device="emulated").counts.tolist() == [0] * len(x)
    device = _core.Device("emulated")
    indptr, indices, _ = _core.cosine_top_k(X, empty, 2, 0.0, None, 1, device)
    assert indptr.tolist() == [0] * 6
    assert len(indices) == 0
