"""Rows that bounds decide have the label of the canonical score, after any number of iterations."""

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import KMeans, _core
from coterie._validation import rows_argument
from tests.reference.assign_labels import assign_labels, assign_labels_csr

# Equal rows and a line make fewer clusters than asked for.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RANDOM = np.random.default_rng(20)
WIDE = ("avx512", "avx512_vnni", "avx512_bf16", "amx")


def sisters():
    """Two centroids in each group: most rows keep one close rival."""
    means = 6 * RANDOM.standard_normal((12, 24))
    return np.repeat(means, 60, axis=0) + RANDOM.standard_normal((720, 24))


def crowds():
    """More close rivals than a row remembers."""
    return np.repeat(8 * RANDOM.standard_normal((3, 24)), 240, axis=0) + RANDOM.standard_normal((720, 24))


def a_line():
    """Whole numbers in one dimension: ties between neighbours."""
    return RANDOM.integers(0, 90, (720, 1))


def repeated_rows():
    """Equal rows, so equal centroids at the start."""
    return np.repeat(RANDOM.standard_normal((30, 24)), 24, axis=0)


def lengths():
    """Norms over twelve orders of magnitude, and rows of zeros."""
    X = RANDOM.standard_normal((720, 24)) * 10.0 ** RANDOM.uniform(-6, 6, (720, 1))
    X[::97] = 0
    return X


def a_far_mover():
    """A centroid that starts among the rows and ends far from them."""
    X = crowds()
    X[::90] += 400
    return X


def widened(X):
    """The rows with features that are all zero: narrow ones keep no bounds."""
    return np.pad(X, ((0, 0), (0, 120)))


DATA = [sisters, crowds, a_line, repeated_rows, lengths, a_far_mover]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("n_clusters", [24, 72])  # with more than 63 far movers are met one by one
@pytest.mark.parametrize("make", DATA)
def test_every_iteration_has_the_exact_labels(make, n_clusters, metric, every_isa):
    narrow = make().astype(np.float32)
    for name in every_isa:
        _core.set_isa(name)
        for X, iterations in ((widened(narrow), range(1, 9)), (narrow, (1, 3, 8))):
            init = X[:: len(X) // n_clusters].copy()
            for max_iter in iterations:
                model = KMeans(n_clusters, metric=metric, init=init, max_iter=max_iter, tol=0).fit(X)
                labels = assign_labels(X, model.cluster_centers_, metric)
                np.testing.assert_array_equal(model.labels_, labels)


def groups(n_groups, n_features, noise):
    random = np.random.default_rng(5)
    X = random.normal(size=(n_groups, n_features))[random.integers(0, n_groups, 3000)]
    return (X + noise * random.normal(size=X.shape)).astype(np.float32)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_rows_that_leave_their_lanes_keep_their_exact_label(metric, every_isa):
    """So many features and centroids keep rows in lanes until few labels change, and bounds from then on."""
    X = groups(40, 40, 0.5)
    start = X[:80].copy()
    for name in every_isa:
        _core.set_isa(name)
        samples = _core.Samples(X, None, metric, 2)
        changed = []
        samples.lloyd(start, 40, 0.0, lambda _, n, changed=changed: changed.append(n))
        settled = [n <= len(X) / 50 for n in changed]
        assert settled.index(True) > 2
        assert len(changed) > settled.index(True) + 4
        for n_iter in range(1, len(changed) + 1, 2):
            labels, centers, *_ = samples.lloyd(start, n_iter, 0.0, None)
            np.testing.assert_array_equal(labels, assign_labels(X, centers, metric))


def test_rows_that_return_to_their_lanes_keep_their_exact_label(every_isa):
    """Where groups lie close together bounds leave most rows to be scored, although few change."""
    X = groups(30, 32, 3.0)
    start = X[:100].copy()
    for name in every_isa:
        _core.set_isa(name)
        samples = _core.Samples(X, None, "euclidean", 2)
        filters = []
        for n_iter in range(1, 13):
            labels, centers, *_, used = samples.lloyd(start, n_iter, 0.0, None)
            np.testing.assert_array_equal(labels, assign_labels(X, centers, "euclidean"))
            filters.append(used)
        if name == "avx512_vnni":  # lanes are float32, and what comes after them there is not
            assert "float32" in filters[filters.index("int8") :]


def exact_sparse_fits(X, zeros, n_clusters, metric, iterations, every_isa):
    """Yield each instruction set with a fit of so many iterations, found exact; ``zeros``: share of zeros in X."""
    X = X.astype(np.float32)
    X[RANDOM.random(X.shape) < zeros] = 0
    rows, init = sp.csr_array(X), X[:: len(X) // n_clusters].copy()
    for name in every_isa:
        _core.set_isa(name)
        for max_iter in iterations:
            model = KMeans(n_clusters, metric=metric, init=init, max_iter=max_iter, tol=0).fit(rows)
            labels = assign_labels_csr(rows, model.cluster_centers_, metric)
            np.testing.assert_array_equal(model.labels_, labels)
            yield name, model


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("n_clusters", [24, 144])  # with more than 128 far movers are met one by one
@pytest.mark.parametrize("make", [sisters, crowds, lengths, a_far_mover])
def test_every_iteration_has_the_exact_labels_of_sparse_rows(make, n_clusters, metric, every_isa):
    for _ in exact_sparse_fits(make(), 0.6, n_clusters, metric, (1, 2, 3, 5, 8), every_isa):
        pass


def wanderers(n_clusters):
    """Rows in settled clusters and along a trail, and starting centres that move far along it for many iterations."""
    random = np.random.default_rng(1)
    settled = random.normal(size=(2000, 24)) + 3 * random.normal(size=(12, 24))[random.integers(0, 12, 2000)]
    angle = 3 * np.linspace(0, 1, 120)[:, None] ** 2
    trail = 12 * (np.cos(angle) * np.eye(24)[0] + np.sin(angle) * np.eye(24)[1])
    X = np.abs(widened(np.concatenate([settled, trail]))).astype(np.float32)
    X[::2, 12:24] = 0
    centers = KMeans(n_clusters - 8, init=X[: n_clusters - 8], tol=0).fit(X[:2000]).cluster_centers_
    return X, np.concatenate([centers, X[2000:2008]])


@pytest.mark.parametrize("is_sparse", [False, True])
def test_far_movers_leave_most_rows_alone(is_sparse, every_isa):
    X, start = wanderers(144)
    rows = _core.Samples(rows_argument(sp.csr_array(X) if is_sparse else X), None, "euclidean", 2)
    scales = _core.integer_scales(X.max(axis=0), float(len(X)), "euclidean")
    for name in every_isa:
        _core.set_isa(name)
        lloyd = _core.StreamedLloyd(len(X), len(start), is_sparse, "euclidean", *scales, 2)
        lloyd.start(start, True)
        labels, evaluated = np.full(len(X), -1, np.int32), []
        for _ in range(12):
            lloyd.begin(False)
            lloyd.add(rows, 0, labels)
            evaluated.append(lloyd.finish()[1])
            np.testing.assert_array_equal(labels, assign_labels(X, lloyd.centers()))
            shift = np.sqrt(lloyd.update_centers(rows, labels, labels))
            assert shift.max() > 20 * np.median(shift)
        assert evaluated[0] == len(X)  # and while rows are in lanes, which is over soon
        assert max(evaluated[4:]) < len(X) / 4


def tfidf():
    """Rare and frequent terms, rows of unit length, of which some are empty and some repeated."""
    X = RANDOM.random((720, 60)) * (RANDOM.random((720, 60)) < RANDOM.beta(0.5, 3, 60))
    X[::50] = 0
    X[1::9] = X[2::9]
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12)


def near_ties():
    """Weights that differ in their last bits: far less than a byte tells apart."""
    return 1 + RANDOM.integers(0, 3, (720, 24)) * 2.0**-23


def magnitudes():
    """Terms and rows over many orders of magnitude, down to weights that vanish in bytes and in float32."""
    return RANDOM.random((720, 24)) * 10.0 ** (RANDOM.uniform(-22, 8, 24) + RANDOM.uniform(-20, 5, (720, 1)))


def small_counts():
    """Whole numbers: ties without end."""
    return RANDOM.poisson(0.4, (720, 24))


def rare_terms():
    """A vocabulary as texts have it: most terms are in one row to four."""
    X = np.zeros((720, 600))
    share = 1 / (3 + np.arange(600.0)) ** 1.3
    for row in X:
        terms = RANDOM.choice(600, 20, replace=False, p=share / share.sum())
        row[terms] = RANDOM.random(20) * np.log(1 / share[terms])
    assert np.mean((X > 0).sum(0) <= 4) > 0.3
    return X


def rare_differences():
    """Rows that repeat others but for a rare term, which settles what is nearest by its last bits."""
    X = rare_terms()
    X[1::2] = X[::2]
    X[1::2, 300:] *= 1 + 2.0**-20
    return X


def rare_magnitudes():
    """The same over many orders of magnitude; a term's largest number is far above another row's."""
    return rare_terms() * 10.0 ** RANDOM.uniform(-14, 8, (720, 1))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(
    "make",
    [tfidf, near_ties, magnitudes, small_counts, rare_terms, rare_differences, rare_magnitudes],
)
def test_every_iteration_has_the_exact_labels_of_terms_in_bytes(make, metric, every_isa):
    for name, model in exact_sparse_fits(make(), 0.3, 45, metric, (1, 2, 5, 9), every_isa):
        assert model.filter_ == ("int8" if name in WIDE else "float32")


def test_negative_terms_are_left_to_float32(isa):
    X = sp.csr_array(sp.random(900, 30, density=0.5, random_state=RANDOM, dtype=np.float32, format="csr"))
    init = X[:40].toarray()
    assert KMeans(40, init=init, max_iter=3).fit(X).filter_ == ("int8" if isa in WIDE else "float32")
    X.data[7] *= -1
    model = KMeans(40, init=init, max_iter=3).fit(X)
    assert model.filter_ == "float32"
    np.testing.assert_array_equal(model.labels_, assign_labels_csr(X, model.cluster_centers_))
    # Rows without negative terms, centroids with some that no row has.
    X.data[7] *= -1
    init[:, 0] -= 1
    model = KMeans(40, init=init, max_iter=1).fit(X)
    np.testing.assert_array_equal(model.labels_, assign_labels_csr(X, model.cluster_centers_))


def test_empty_clusters_take_the_farthest_rows_whatever_the_bounds_know(every_isa):
    # Centroids that no row chooses, in the first iteration and after: the bounds name the rows worth measuring.
    X = widened(np.concatenate([crowds(), 50 + crowds()])).astype(np.float32)
    init = np.concatenate(
        [X[:6], np.full((6, 144), 1e4, np.float32) + np.arange(6, dtype=np.float32)[:, None]]
    )
    seen = []
    for name in every_isa:
        _core.set_isa(name)
        model = KMeans(12, init=init, max_iter=6, tol=0).fit(X)
        seen.append((model.labels_.tobytes(), model.cluster_centers_.tobytes()))
    assert all(other == seen[0] for other in seen)
    first = KMeans(12, init=init, max_iter=1, tol=0).fit(X).cluster_centers_
    distance = ((X.astype(np.float64) - init[assign_labels(X, init)].astype(np.float64)) ** 2).sum(axis=1)
    farthest = X[np.argsort(-distance, kind="stable")[:6]]
    np.testing.assert_array_equal(first[6:], farthest)
