"""Bad input gets an error that names the parameter, the value and what was wanted; arrays are never read wrongly."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError

from coterie import KMeans, MiniBatchKMeans, TwoLevelKMeans, _core
from coterie.cluster import HDBSCAN, BisectingKMeans, HierarchicalClustering

X = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32)


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"n_clusters": 0}, ValueError, "n_clusters must be >= 1; got 0"),
        ({"n_clusters": 2.5}, TypeError, "n_clusters must be an integer; got 2.5"),
        ({"n_clusters": True}, TypeError, "n_clusters must be an integer"),
        ({"max_iter": 0}, ValueError, "max_iter must be >= 1; got 0"),
        ({"tol": -1}, ValueError, "tol must be a finite number >= 0; got -1"),
        ({"tol": float("nan")}, ValueError, "tol must be a finite number"),
        ({"metric": "manhattan"}, ValueError, "metric must be one of 'euclidean', 'cosine'; got 'manhattan'"),
        (
            {"init": "best"},
            ValueError,
            "init must be one of 'k-means\\+\\+', 'k-means\\|\\|', 'random'; got 'best'",
        ),
        ({"n_init": 0}, ValueError, "n_init must be >= 1; got 0"),
        ({"n_threads": 0}, ValueError, "n_threads must be >= 1; got 0"),
        ({"n_threads": 2**31}, ValueError, "n_threads must be <= 2147483647; got 2147483648"),
        (
            {"max_iter": 2**70},
            ValueError,
            "max_iter must be between 1 and 9223372036854775807; got 118059162",
        ),
        (
            {"random_state": -1},
            ValueError,
            "random_state must be None, a RandomState or an integer .*; got -1",
        ),
        ({"random_state": "x"}, ValueError, "random_state must be .*; got 'x'"),
        ({"init": {}}, TypeError, "init must give centres as an array of numbers; got {}"),
        ({"n_clusters": 61}, ValueError, "n_samples=60 should be >= n_clusters=61"),
        ({"n_clusters": 3, "init": np.zeros((2, 5))}, ValueError, r"initial centers \(2, 5\) does not match"),
        ({"n_clusters": 1, "init": np.full((1, 5), np.nan)}, ValueError, "init must give finite centres"),
    ],
)
@pytest.mark.parametrize("estimator", [KMeans, MiniBatchKMeans])
def test_parameters(estimator, parameters, error, words):
    with pytest.raises(error, match=words):
        estimator(**({"n_clusters": 3} | parameters)).fit(X)


@pytest.mark.parametrize(
    ("estimator", "parameter"),
    [(KMeans, "resume"), (MiniBatchKMeans, "compute_labels"), (HDBSCAN, "allow_single_cluster")],
)
def test_switches_are_true_or_false(estimator, parameter):
    with pytest.raises(TypeError, match=f"{parameter} must be True or False; got 'no' of type str"):
        estimator(**{parameter: "no"}).fit(X)


@pytest.mark.parametrize(
    "estimator", [KMeans, MiniBatchKMeans, TwoLevelKMeans, BisectingKMeans, HierarchicalClustering]
)
def test_a_fit_that_failed_is_no_fit(estimator):
    model = estimator(n_clusters=61)
    with pytest.raises(ValueError, match="n_samples=60 should be >= n_clusters=61"):
        model.fit(X)
    with pytest.raises(NotFittedError):
        model.cut(2) if estimator is HierarchicalClustering else model.predict(X)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("sparse", [False, True])
def test_not_finite_is_refused(value, sparse):
    bad = X.copy()
    bad[41, 3] = value
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        KMeans(2).fit(sp.csr_array(bad) if sparse else bad)
    with pytest.raises(ValueError, match=r"X\[41, 3\]"):
        _core.Samples(bad, None, "euclidean", 2)


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sp.csr_array])
def test_what_float32_cannot_hold_is_refused_without_a_warning(make):
    bad = X.astype(np.float64)
    bad[41, 3] = 1e39
    for call in (KMeans(2).fit, KMeans(2).fit(X).predict, MiniBatchKMeans(2).fit):
        with pytest.raises(ValueError, match="infinity"):
            call(make(bad))


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (np.ones(59), r"sample_weight.shape == \(59,\), expected \(60,\)"),
        (np.full(60, np.nan), "sample_weight must be finite"),
        (np.r_[np.ones(59), -1], "sample_weight must be >= 0; got -1.0 in row 59"),
        (np.zeros(60), "sample_weight must not be zero for every sample"),
        (np.full(60, 1e307), r"sample_weight must have a sum between 1e-200 and 1e\+200; got inf"),
        (np.full(60, 1e270), r"sample_weight must have a sum .* got 6e\+271"),
        (np.full(60, 1e-300), "sample_weight must have a sum .* got [56]"),
    ],
)
def test_sample_weight(weight, words):
    with pytest.raises(ValueError, match=words):
        KMeans(2).fit(X, sample_weight=weight)


def broken_csr(**parts):
    matrix = sp.csr_array(np.where(np.abs(X) > 0.5, X, 0))
    for name, change in parts.items():
        array = getattr(matrix, name).copy()
        change(array)
        setattr(matrix, name, array)
    return matrix


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (broken_csr(indices=lambda a: a.__setitem__(3, 5)), r"X.indices must be within \[0, 5\)"),
        (broken_csr(indices=lambda a: a.__setitem__(3, -1)), "X.indices must be within"),
        (broken_csr(indptr=lambda a: a.__setitem__(3, 10**6)), "X.indptr must not decrease"),
        (broken_csr(indptr=lambda a: a.__setitem__(-1, 10**6)), "X.indptr ends at 1000000, beyond"),
        (broken_csr(indptr=lambda a: a.__setitem__(0, -4)), "X.indptr must have"),
    ],
)
def test_malformed_csr_is_refused(matrix, words):
    with pytest.raises(ValueError, match=words):
        KMeans(2).fit(matrix)
    with pytest.raises(ValueError, match=r"CSR|indptr"):
        _core.Samples(
            (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int64), 5),
            None,
            "cosine",
            2,
        )


def test_unsorted_duplicate_and_wide_indices_are_read_right():
    clean = sp.csr_array(np.where(np.abs(X) > 0.5, X, 0))
    expected = KMeans(3, random_state=0).fit(clean)
    coo = clean.tocoo()
    order = np.random.default_rng(1).permutation(coo.nnz)
    halves = np.r_[order, order]
    messy = sp.csr_array(
        (coo.data[halves] / 2, coo.col[halves].astype(np.int64), np.r_[0, 2 * coo.nnz]), shape=(1, 5)
    )
    assert not messy.has_canonical_format
    rows = sp.csr_array((coo.data[halves] / 2, (coo.row[halves], coo.col[halves])), shape=coo.shape)
    rows.indices, rows.indptr = rows.indices.astype(np.int64), rows.indptr.astype(np.int64)
    before = rows.data.tobytes()
    np.testing.assert_array_equal(KMeans(3, random_state=0).fit(rows).labels_, expected.labels_)
    assert rows.data.tobytes() == before
    assert KMeans(1).fit(messy).cluster_centers_.shape == (1, 5)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1],
        lambda a: np.asfortranarray(a),
        lambda a: a.astype(">f4"),
        lambda a: a.astype(np.float64),
        lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)[::2, ::2],
    ],
)
def test_every_layout_is_read_right(view):
    given = view(X)
    plain = np.ascontiguousarray(np.asarray(given, np.float32))
    one, other = KMeans(3, random_state=0).fit(given), KMeans(3, random_state=0).fit(plain)
    assert one.cluster_centers_.tobytes() == other.cluster_centers_.tobytes()


def test_read_only_input_works_and_no_input_is_changed():
    frozen = X.copy()
    frozen.setflags(write=False)
    KMeans(3, random_state=0, metric="cosine").fit(frozen)
    np.testing.assert_array_equal(frozen, X)


def test_fits_in_sixteen_threads_at_once():
    expected = KMeans(5, random_state=0).fit(X).cluster_centers_.tobytes()
    with ThreadPoolExecutor(16) as pool:
        results = list(
            pool.map(lambda _: KMeans(5, random_state=0).fit(X).cluster_centers_.tobytes(), range(64))
        )
    assert set(results) == {expected}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork in a process with threads is what is tested
def test_forked_children_can_fit_after_the_parent_did():
    expected = KMeans(5, random_state=0, n_threads=3).fit(X).labels_.tobytes()
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            code = 2  # left as it is by an exception, which must not reach this copy of the test runner
            try:
                code = int(KMeans(5, random_state=0, n_threads=3).fit(X).labels_.tobytes() != expected)
            finally:
                os._exit(code)
        children.append(pid)
    deadline = time.monotonic() + 60
    for pid in children:
        done, status = os.waitpid(pid, os.WNOHANG)
        while done == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
            done, status = os.waitpid(pid, os.WNOHANG)
        if done == 0:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        assert done == pid, "a forked child hung"
        assert os.WEXITSTATUS(status) == 0


def test_texts_are_no_rows():
    with pytest.raises(TypeError, match=r"got the text 'one red apple': coterie.TfidfVectorizer makes rows"):
        KMeans(2).fit(["one red apple", "a slow train"])


def test_the_algorithm_is_one_of_scikit_learn_s():
    with pytest.raises(ValueError, match="algorithm must be one of 'lloyd', 'elkan'; got 'hamerly'"):
        KMeans(2, algorithm="hamerly").fit(X)
