"""Rows on which a device must give the bits of the CPU; shared by the emulation's tests and those on a GPU."""

import numpy as np
import scipy.sparse as sp

from coterie import _core
from coterie._validation import rows_argument
from tests.cluster.adversarial_rows import KINDS, adversarial

METRICS = ("euclidean", "cosine")
# (n_samples, n_features, n_clusters): below, at and above the sizes of warps, tiles and blocks.
SHAPES = (
    (1, 1, 1),
    (9, 1, 9),
    (255, 31, 8),
    (256, 32, 127),
    (257, 33, 128),
    (300, 64, 129),
    (520, 100, 17),
)


def rows_of(kind, n, d, k, seed=0):
    """Return rows and centres among them."""
    random = np.random.default_rng([seed, n, d, k])
    X = adversarial(kind, n, d, random)
    return X, X[random.permutation(n)[:k]].copy()


def sparse_rows_of(kind, n, d, k, seed=0):
    random = np.random.default_rng([seed, n, d, k])
    X, _ = rows_of(kind, n, d, k, seed)
    kept = sp.csr_array(np.where(random.random(X.shape) < 0.2, X, 0).astype(np.float32))
    return kept, kept[random.permutation(n)[:k]].toarray()


def both(X, weight, metric, device):
    """Return the samples on the CPU and on the device."""
    rows = rows_argument(X)
    return (
        _core.Samples(rows, weight, metric, 2),
        _core.DeviceSamples(rows, weight, metric, device, 2),
    )


def assert_same_run(here, there):
    """Compare labels, centres, inertia, iterations and convergence of two fits bit for bit."""
    np.testing.assert_array_equal(here[0], there[0])
    np.testing.assert_array_equal(here[1].view(np.uint32), there[1].view(np.uint32))
    assert here[2:5] == there[2:5]


def check_assignment(X, centers, metric, device):
    here, there = both(X, None, metric, device)
    np.testing.assert_array_equal(here.assign(centers), there.assign(centers))


def check_fit(X, centers, metric, device, weight=None, n_iter=6):
    here, there = both(X, weight, metric, device)
    assert here.mean_feature_variance() == there.mean_feature_variance()
    changes = [], []
    runs = [
        samples.lloyd(centers, n_iter, 0.0, lambda i, n, seen=seen: seen.append((i, n)))
        for samples, seen in zip((here, there), changes, strict=True)
    ]
    assert changes[0] == changes[1]
    assert_same_run(*runs)
    labels, found = runs[0][:2]
    assert here.inertia(found, labels) == there.inertia(found, labels)


def check_skipping(X, centers, metric, device, weight=None, n_iter=25):
    """Compare a fit of many iterations, in which most rows come to be skipped; return the share that was looked at."""
    here, there = both(X, weight, metric, device)
    run = there.lloyd(centers, n_iter, 0.0, None)
    assert_same_run(here.lloyd(centers, n_iter, 0.0, None), run)
    return there.rows_evaluated / (X.shape[0] * run[3])


def groups_of(n, d, k, spread, seed=0):
    """Return rows around k places, and centres that start far from them."""
    random = np.random.default_rng([seed, n, d, k])
    places = random.standard_normal((k, d)).astype(np.float32)
    X = places[random.integers(0, k, n)] + spread * random.standard_normal((n, d)).astype(np.float32)
    return X.astype(np.float32), X[:k].astype(np.float32)


def check_distances(X, centers, metric, device):
    here, there = both(X, None, metric, device)
    np.testing.assert_array_equal(here.distances(centers), there.distances(centers))
    for one, other in zip(here.nearest_two(centers), there.nearest_two(centers), strict=True):
        np.testing.assert_array_equal(one, other)


def check_seeding(X, k, metric, device, weight=None, max_rows=0):
    here, there = both(X, weight, metric, device)
    for seed in (0, 5):
        np.testing.assert_array_equal(
            here.kmeans_plusplus(k, 0, seed, max_rows), there.kmeans_plusplus(k, 0, seed, max_rows)
        )


__all__ = ["KINDS", "METRICS", "SHAPES"]
