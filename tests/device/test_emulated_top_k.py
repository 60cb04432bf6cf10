"""Neighbours by device programs, emulated on the host thread by thread, have the CPU's bits."""

import numpy as np
import pytest

from coterie import _core
from coterie.similarity import cosine_top_k, jaccard_top_k
from tests.device import top_k_cases as cases


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


def test_searches_beyond_a_device_are_refused():
    X = cases.dense("normal", 20, 4)
    with pytest.raises(ValueError, match="k must be 1 to 1024 with device='emulated'; got None"):
        cosine_top_k(X, threshold=0.5, device="emulated")
    with pytest.raises(ValueError, match="k must be 1 to 1024 with device='emulated'; got 2000"):
        jaccard_top_k(X, k=2000, device="emulated")
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
