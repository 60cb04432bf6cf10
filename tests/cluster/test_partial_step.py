"""Lloyd by shards: the bits of the in-memory fit, for any split, order, thread count and instruction set."""

import itertools
import math
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_blobs

from coterie import _core
from coterie._validation import rows_argument
from coterie.cluster import data_range, merge_ranges, new_centers, partial_step, reduce
from coterie.cluster._exact import exact_value
from tests.reference.partial_step import inertia as inertia_by_definition

N_ROWS = 700


def dense_rows():
    X, _ = make_blobs(N_ROWS, 21, centers=6, cluster_std=5, random_state=0)
    return X.astype(np.float32)


def sparse_rows():
    X = sp.random(N_ROWS, 60, density=0.15, format="csr", dtype=np.float32, random_state=0)
    X.data = np.random.default_rng(0).random(len(X.data)).astype(np.float32)
    return X


def first_rows(X, k):
    return np.ascontiguousarray(X[:k].toarray() if sp.issparse(X) else X[:k])


def cuts_of(seed):
    """Split points of the rows; equal ones make empty shards."""
    inner = np.sort(np.random.default_rng(seed).integers(0, N_ROWS + 1, 6))
    return [0, *inner.tolist(), N_ROWS]


def fields(partial):
    return [np.asarray(v).tobytes() for k, v in vars(partial).items() if k not in ("labels", "n_candidates")]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("make", [dense_rows, sparse_rows])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_iteration_by_shards_is_the_one_in_memory(metric, make, weighted, every_isa, every_n_threads):
    X, random = make(), np.random.default_rng(2)
    weight = random.random(N_ROWS) * 10.0 ** random.integers(-8, 8, N_ROWS) if weighted else None
    samples = _core.Samples(rows_argument(X), weight, metric, 2)
    start = samples.start_centers(first_rows(X, 6))
    labels, centers, inertia, *_ = samples.lloyd(start, 1, 0.0, None)
    for seed, name in enumerate(every_isa):
        _core.set_isa(name)
        for n_threads in every_n_threads:
            cuts = cuts_of(seed + n_threads)
            shards = [(slice(a, b), X[a:b]) for a, b in itertools.pairwise(cuts)]
            weights = [None if weight is None or len(weight[s]) == 0 else weight[s] for s, _ in shards]
            options = {"metric": metric, "n_threads": n_threads}
            whole = merge_ranges(
                data_range(rows, sample_weight=w) for (_, rows), w in zip(shards, weights, strict=True)
            )
            parts = [
                partial_step(rows, start, data_range=whole, sample_weight=w, **options)
                for (_, rows), w in zip(shards, weights, strict=True)
            ]
            moved, _ = new_centers(reduce(parts[::-1]), start, data_range=whole, metric=metric)
            assert moved.tobytes() == centers.tobytes()
            last = [
                partial_step(rows, moved, data_range=whole, sample_weight=w, **options)
                for (_, rows), w in zip(shards, weights, strict=True)
            ]
            np.testing.assert_array_equal(np.concatenate([part.labels for part in last]), labels)
            assert reduce(last).inertia == inertia


def test_reduce_is_associative_and_commutative():
    X = dense_rows()
    whole = data_range(X)
    a, b, c = (partial_step(X[i::3], X[:5], data_range=whole) for i in range(3))
    expected = fields(reduce([a, b, c]))
    assert fields(reduce([c, a, b])) == expected
    assert fields(reduce([a, reduce([b, c])])) == expected
    assert fields(reduce([reduce([c, b]), a])) == expected


def test_a_partial_crosses_processes():
    X = dense_rows()
    part = partial_step(X, X[:5], data_range=pickle.loads(pickle.dumps(data_range(X))))
    back = pickle.loads(pickle.dumps(part))
    assert fields(back) == fields(part)
    np.testing.assert_array_equal(back.labels, part.labels)


def test_previous_labels_count_the_changes():
    X = dense_rows()
    whole = data_range(X)
    first = partial_step(X, X[:5], data_range=whole)
    assert first.n_changed == N_ROWS
    before = first.labels.copy()
    before[[3, 8]] = (before[[3, 8]] + 1) % 5
    again = partial_step(X, X[:5], data_range=whole, previous_labels=before)
    assert again.n_changed == 2
    assert again.sums.tobytes() == first.sums.tobytes()


def test_inertia_is_the_exact_sum_rounded_once(isa):
    X, weight = dense_rows()[:300], np.random.default_rng(0).random(300)
    part = partial_step(X, X[:4], data_range=data_range(X), sample_weight=weight)
    assert part.inertia == inertia_by_definition(X, X[:4], weight)


def test_variance_is_that_of_the_rows_at_every_thread_count(every_n_threads):
    X = dense_rows()
    found = {_core.Samples(X, None, "euclidean", n).mean_feature_variance() for n in every_n_threads}
    assert len(found) == 1
    assert found.pop() == pytest.approx(X.astype(np.float64).var(axis=0).mean(), rel=1e-9)
    unit = X.astype(np.float64) / np.linalg.norm(X.astype(np.float64), axis=1, keepdims=True)
    cosine = _core.Samples(X, None, "cosine", 2).mean_feature_variance()
    assert cosine == pytest.approx(unit.var(axis=0).mean(), rel=1e-6)
    moved = (X + 1e6).astype(np.float32)
    offset = _core.Samples(moved, None, "euclidean", 2).mean_feature_variance()
    assert offset == pytest.approx(moved.astype(np.float64).var(axis=0).mean(), rel=0.05)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, allow_infinity=False, allow_nan=False), min_size=1, max_size=60))
def test_exact_sums_round_as_fsum_does(values):
    weights = [1.0, *values]  # a total of zero is refused
    try:
        expected = math.fsum(weights)
    except OverflowError:
        return
    half = len(weights) // 2
    ranges = [
        data_range(np.ones((len(part), 1), np.float32), sample_weight=part)
        for part in ([1.0, *weights[1:half]], weights[max(half, 1) :])
        if any(part)
    ]
    assert merge_ranges(ranges).total_weight == expected


def test_an_infinite_sum_says_so():
    digits = np.zeros(69, np.uint32)
    digits[-1] = 1
    assert exact_value(digits) == math.inf


def test_bad_shards_are_refused():
    X = dense_rows()
    whole = data_range(X)
    with pytest.raises(ValueError, match="one width; got 21 and 3 features"):
        merge_ranges([whole, data_range(np.ones((2, 3)))])
    with pytest.raises(ValueError, match="all dense or all sparse"):
        merge_ranges([whole, data_range(sp.csr_array(X))])
    with pytest.raises(ValueError, match="ranges must hold at least one"):
        merge_ranges([])
    with pytest.raises(ValueError, match="partials must hold at least one"):
        reduce([])
    with pytest.raises(ValueError, match="shard has 3 features; data_range has 21"):
        partial_step(np.ones((2, 3)), np.ones((1, 3)), data_range=whole)
    bad = X.copy()
    bad[5, 2] = np.nan
    with pytest.raises(ValueError, match=r"X\[5, 2\]=nan"):
        partial_step(bad, X[:2], data_range=whole)
    with pytest.raises(ValueError, match="previous_labels holds 9"):
        partial_step(X, X[:2], data_range=whole, previous_labels=np.full(N_ROWS, 9, np.int32))
    with pytest.raises(ValueError, match="metric must be one of"):
        partial_step(X, X[:2], data_range=whole, metric="manhattan")


def test_a_range_that_is_not_of_all_shards_is_refused():
    whole = data_range([[1.0, 2.0], [0.5, 1.0]])
    centers = np.ones((1, 2))
    for shard, weight, words in (
        ([[1.0, 3.0]], None, r"largest\[1\] is 2.0, this shard's 3.0"),
        ([[1.0, 1.0]] * 3, None, "total_weight is 2.0, this shard's 3.0"),
        ([[1.0, 1.0]], [4.0], "total_weight is 2.0, this shard's 4.0"),
        (sp.csr_array([[1.0, 1.0]]), None, "all dense or all sparse"),
    ):
        with pytest.raises(ValueError, match=words):
            partial_step(shard, centers, data_range=whole, sample_weight=weight)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_centers_that_are_not_finite_are_refused(bad):
    shard, centers = np.ones((2, 2)), np.full((1, 2), bad)
    whole = data_range(shard)
    part = partial_step(shard, shard[:1], data_range=whole)
    with pytest.raises(ValueError, match="centers must be finite float32 values"):
        partial_step(shard, centers, data_range=whole)
    with pytest.raises(ValueError, match="centers must be finite float32 values"):
        new_centers(part, centers, data_range=whole)


def test_what_is_masked_and_weights_beyond_float64_are_refused():
    masked = np.ma.masked_array(np.ones((4, 3)), mask=np.eye(4, 3))
    with pytest.raises(ValueError, match="shard must hold no masked values; got 3"):
        data_range(masked)
    heavy = data_range(np.ones((4, 3)), sample_weight=np.full(4, 1e308))
    assert heavy.total_weight == math.inf
    with pytest.raises(ValueError, match="sample_weight must have a sum between"):
        heavy.scales("euclidean")
