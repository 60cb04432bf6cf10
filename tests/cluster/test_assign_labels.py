"""Labels are the argmax of the canonical float64 score: on every instruction set, at every size, whatever the data."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie import _core
from coterie._validation import rows_argument
from tests.cluster.adversarial_rows import KINDS, adversarial
from tests.reference.assign_labels import assign_labels, assign_labels_csr, canonical_dot

FILTERS = {"avx512_vnni": ["int8"], "avx512_bf16": ["bfloat16", "int8"], "amx": ["bfloat16", "int8"]}
SIZES = (1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 257)


def assign(X, centers, metric="euclidean", n_threads=2):
    """Assign with every filter that the instruction set has; they must agree."""
    samples = _core.Samples(rows_argument(X), None, metric, n_threads)
    labels = samples.assign(centers, "float32")
    for other in ["int8"] if sp.issparse(X) else ["narrow", *FILTERS.get(_core.active_isa(), [])]:
        np.testing.assert_array_equal(samples.assign(centers, other), labels)
    return labels


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("k", SIZES)
def test_every_size(isa, k, d):
    random = np.random.default_rng(k * 1000 + d)
    X = random.standard_normal((max(k, 70), d)).astype(np.float32)
    centers = X[random.permutation(len(X))[:k]].copy()
    np.testing.assert_array_equal(assign(X, centers), assign_labels(X, centers))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("d", [1, 2, 24, 1023])
def test_adversarial_data(isa, kind, metric, d):
    random = np.random.default_rng(d)
    X = adversarial(kind, 200, d, random)
    centers = X[random.permutation(200)[:21]].copy()
    np.testing.assert_array_equal(assign(X, centers, metric), assign_labels(X, centers, metric))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 2, 8, 17, 150])
def test_sparse_rows(isa, kind, metric, k):
    random = np.random.default_rng(k)
    dense = adversarial(kind, 200, 60, random)
    X = sp.csr_array(np.where(random.random(dense.shape) < 0.2, dense, 0).astype(np.float32))
    centers = X[random.permutation(200)[:k]].toarray()
    np.testing.assert_array_equal(assign(X, centers, metric), assign_labels_csr(X, centers, metric))
    # Terms in bytes are for weights that are not negative.
    X, centers = abs(X), np.abs(centers)
    np.testing.assert_array_equal(assign(X, centers, metric), assign_labels_csr(X, centers, metric))


@pytest.mark.parametrize("k", [33, 48, 49, 100, 127, 128, 129, 300])
def test_terms_in_bytes_at_every_width(isa, k):
    random = np.random.default_rng(k)
    X = sp.csr_array(sp.random(400, 90, density=0.15, random_state=random, dtype=np.float32, format="csr"))
    centers = X[random.permutation(400)[:k]].toarray() * random.integers(1, 4, (k, 1)).astype(np.float32)
    np.testing.assert_array_equal(assign(X, centers), assign_labels_csr(X, centers))


@pytest.mark.parametrize("name", ["bfloat16", "narrow"])
def test_csr_rows_lack_filters_of_dense_ones(name):
    samples = _core.Samples(rows_argument(sp.csr_array(np.eye(3, dtype=np.float32))), None, "euclidean", 1)
    with pytest.raises(ValueError, match=f"CSR rows have no {name} filter"):
        samples.assign(np.eye(3, dtype=np.float32), name)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_finite_rows(data):
    n, d, k = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    bits = np.frombuffer(data.draw(st.binary(min_size=4 * d * (n + k), max_size=4 * d * (n + k))), np.float32)
    values = np.where(np.isfinite(bits) & (np.abs(bits) < 1e37), bits, 0).astype(np.float32).reshape(n + k, d)
    X, centers = values[:n].copy(), values[n:].copy()
    expected = assign_labels(X, centers)
    before = _core.active_isa()
    try:
        for name in _core.available_isas():
            _core.set_isa(name)
            np.testing.assert_array_equal(assign(X, centers), expected)
    finally:
        _core.set_isa(before)


def test_top_two_are_the_two_best_scores(isa):
    random = np.random.default_rng(0)
    X = random.integers(-2, 3, (300, 5)).astype(np.float32)  # many exact ties
    centers = random.integers(-2, 3, (30, 5)).astype(np.float32)
    labels, distances = _core.Samples(X, None, "euclidean", 2).nearest_two(centers)
    scores = canonical_dot(X, centers) - canonical_dot(centers, centers).diagonal() / 2
    order = np.argsort(-scores, axis=1, kind="stable")[:, :2]
    np.testing.assert_array_equal(labels, order)
    exact = np.sqrt(((X[:, None].astype(np.float64) - centers[order]) ** 2).sum(axis=2))
    np.testing.assert_allclose(distances, exact, rtol=1e-6)


def test_one_centre_has_no_runner_up():
    labels, distances = _core.Samples(np.ones((2, 3), np.float32), None, "cosine", 1).nearest_two(
        np.ones((1, 3), np.float32)
    )
    assert labels.tolist() == [[0, -1], [0, -1]]
    assert np.isinf(distances[:, 1]).all()


def test_unaligned_and_strided_rows_are_read_where_they_are(isa):
    random = np.random.default_rng(0)
    whole = random.standard_normal((101, 40)).astype(np.float32)
    part = whole[1:, 3:20]
    assert rows_argument(part) is part
    centers = np.ascontiguousarray(part[:9])
    np.testing.assert_array_equal(assign(part, centers), assign_labels(part, centers))


def test_a_filter_the_instruction_set_lacks_is_refused(every_isa):
    _core.set_isa("portable")
    with pytest.raises(ValueError, match="'portable' has no bfloat16 filter"):
        _core.Samples(np.ones((2, 3), np.float32), None, "cosine", 1).assign(
            np.ones((1, 3), np.float32), "bfloat16"
        )
    with pytest.raises(
        ValueError, match="filter must be 'auto', 'float32', 'narrow', 'bfloat16' or 'int8'; got 'int4'"
    ):
        _core.Samples(np.ones((2, 3), np.float32), None, "cosine", 1).assign(
            np.ones((1, 3), np.float32), "int4"
        )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_skipped_by_bounds_keep_their_exact_label(isa, kind, metric):
    """Each iteration of a fit, with the bounds of all before it, gives the labels of a fresh assignment."""
    random = np.random.default_rng(3)
    X = adversarial(kind, 600, 24, random)
    X[:300] += 3 * X[0]
    X = np.pad(X, ((0, 0), (0, 120)))  # narrow rows keep no bounds
    start = X[random.permutation(600)[:25]].copy()
    for n_iter in (2, 3, 5, 9):
        labels, centers, *_ = _core.Samples(X, None, metric, 2).lloyd(start, n_iter, 0.0, None)
        np.testing.assert_array_equal(labels, assign_labels(X, centers, metric))
