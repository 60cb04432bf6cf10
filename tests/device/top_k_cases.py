"""Searches that a device must answer with the bits of the CPU; shared by the emulation's tests and those on a GPU."""

import numpy as np
import scipy.sparse as sp

from coterie.similarity import cosine_top_k, jaccard_top_k, near_duplicates
from tests.cluster.adversarial_rows import KINDS, adversarial

# (n_samples, n_candidates, n_features, k)
SHAPES = (
    (1, 2, 1, 1),
    (3, 127, 31, 2),
    (40, 128, 32, 10),
    (257, 129, 33, 9),
    (30, 300, 64, 300),
    (70, 600, 20, 40),
)


def assert_same(here, there):
    np.testing.assert_array_equal(here.indptr, there.indptr)
    np.testing.assert_array_equal(here.indices, there.indices)
    np.testing.assert_array_equal(here.similarities.view(np.uint32), there.similarities.view(np.uint32))


def dense(kind, n, d, seed=0):
    return adversarial(kind, n, d, np.random.default_rng([seed, n, d]))


def sparse(kind, n, d, seed=0):
    random = np.random.default_rng([seed, n, d, 1])
    X = dense(kind, n, d, seed)
    return sp.csr_array(np.where(random.random(X.shape) < 0.15, X, 0).astype(np.float32))


def check_pair(X, Y, k, device, threshold=None):
    """Compare every search that the rows allow, against other rows and among themselves."""
    rows = (X, np.abs(X)) if sp.issparse(X) else (X, None)
    others = (Y, np.abs(Y)) if sp.issparse(X) else (Y, None)
    for other in (others[0], None):
        found = [
            cosine_top_k(rows[0], other, k=k, threshold=threshold, device=name) for name in ("cpu", device)
        ]
        assert_same(*found)
    if rows[1] is None or (threshold is not None and threshold < 0):
        return
    for weighted in (False, True):
        for other in (others[1], None):
            found = [
                jaccard_top_k(rows[1], other, k=k, threshold=threshold, weighted=weighted, device=name)
                for name in ("cpu", device)
            ]
            assert_same(*found)


def check_groups(X, threshold, device):
    """Compare near-duplicates under every measure that the rows allow."""
    measures = [("cosine", False)]
    if sp.issparse(X) and (X.data >= 0).all():
        measures += [("jaccard", False), ("jaccard", True)]
    for metric, weighted in measures:
        here, there = (
            near_duplicates(X, threshold, metric=metric, weighted=weighted, device=name)
            for name in ("cpu", device)
        )
        np.testing.assert_array_equal(here.labels, there.labels)
        np.testing.assert_array_equal(here.similarities, there.similarities)


def near_copies(n, d, seed=0):
    """Rows in groups whose members differ a little, in chains too, with zero rows and equal rows among them."""
    random = np.random.default_rng([seed, n, d])
    X = np.abs(random.standard_normal((n, d))).astype(np.float32) * (random.random((n, d)) < 0.4)
    for i in range(n // 3, n):
        X[i] = X[random.integers(i)] * (1 + 0.15 * random.standard_normal(d))
    X[:: n // 4] = 0
    X[1::9] = X[1]
    return np.maximum(X, 0).astype(np.float32)[random.permutation(n)]


__all__ = ["KINDS", "SHAPES"]
