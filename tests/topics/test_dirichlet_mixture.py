"""DirichletMixture against the exact conditional, the exact posterior, and itself on other threads and CPUs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score

from coterie import CountVectorizer, DirichletMixture, _core
from coterie._validation import rows_argument
from coterie.topics._term_topics import parts_of
from reference import dirichlet_mixture as reference

ALPHA, BETA = 0.3, 0.2


def random_counts(seed: int, n: int, d: int, mean: float = 0.5) -> np.ndarray:
    X = np.random.default_rng(seed).poisson(mean, (n, d)).astype(np.float32)
    X[X.sum(axis=1) == 0, 0] = 1
    return X


def planted(n: int = 600, n_topics: int = 6, d: int = 120, seed: int = 0) -> tuple[sp.csr_array, np.ndarray]:
    rng = np.random.default_rng(seed)
    topics = rng.dirichlet(np.full(d, 0.05), n_topics)
    labels = rng.integers(0, n_topics, n)
    X = np.array([rng.multinomial(8, topics[k]) for k in labels], dtype=np.float32)
    return sp.csr_array(X), labels


def sample(X: np.ndarray, K: int, n_passes: int, seed: int, block_size: int = 1) -> np.ndarray:
    parts = rows_argument(sp.csr_array(X))
    return _core.dirichlet_mixture(parts, K, ALPHA, BETA, n_passes, block_size, False, seed, 1)[0]


@pytest.mark.parametrize("seed", range(6))
def test_draws_are_those_of_the_definition(seed: int, isa: str) -> None:
    X = random_counts(seed, 15 + seed, 9)
    K = (1, 2, 3, 7, 8, 9)[seed]
    assert sample(X, K, 4, seed).tolist() == reference.sample(X, K, ALPHA, BETA, 4, seed).tolist()


def test_the_sampler_has_the_posterior_as_its_distribution() -> None:
    X = np.array([[2, 0, 1], [1, 1, 0], [0, 0, 3], [0, 1, 2]], dtype=np.float32)
    every = list(itertools.product(range(2), repeat=len(X)))
    log_p = np.array([reference.log_joint(X, np.array(z), 2, ALPHA, BETA) for z in every])
    p = np.exp(log_p - log_p.max())
    n_runs = 2000
    drawn = [tuple(sample(X, 2, 12, seed).tolist()) for seed in range(n_runs)]
    observed = np.array([drawn.count(z) for z in every])
    expected = n_runs * p / p.sum()
    chi_squared = ((observed - expected) ** 2 / expected).sum()
    assert chi_squared < 37.7  # 15 degrees of freedom: p > 0.001


def test_the_posterior_of_new_documents_is_that_of_the_definition(isa: str) -> None:
    X, new = random_counts(1, 40, 17), random_counts(2, 33, 17, mean=1.5)
    mixture = DirichletMixture(5, alpha=ALPHA, beta=BETA, random_state=3).fit(X)
    tokens, sizes = mixture.token_counts_.toarray(), mixture.cluster_sizes_
    scores = np.array([reference.log_conditional(x, sizes, tokens, ALPHA, BETA) for x in new])
    wanted = np.exp(scores - scores.max(axis=1, keepdims=True))
    wanted /= wanted.sum(axis=1, keepdims=True)
    found = mixture.predict_proba(new)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-14)
    assert mixture.predict(new).tolist() == wanted.argmax(axis=1).tolist()
    total = np.log(sizes.sum() + mixture.n_clusters_ * ALPHA)
    evidence = scores.max(axis=1) + np.log(np.exp(scores - scores.max(axis=1, keepdims=True)).sum(axis=1))
    np.testing.assert_allclose(mixture.score_samples(new), evidence - total, rtol=1e-6)
    assert mixture.score(new) == mixture.score_samples(new).mean()


def test_the_log_likelihood_is_that_of_the_labels() -> None:
    X = random_counts(4, 50, 12)
    mixture = DirichletMixture(6, alpha=ALPHA, beta=BETA, random_state=0).fit(X)
    wanted = reference.log_joint(X, mixture.labels_, 6, ALPHA, BETA)
    np.testing.assert_allclose(mixture.log_likelihood_, wanted, rtol=1e-12)


def test_the_same_bits_on_any_threads_and_instruction_set(
    every_n_threads: tuple[int, ...], every_isa: list[str]
) -> None:
    X, _ = planted(3000)
    runs = []
    for isa in every_isa:
        _core.set_isa(isa)
        for n in every_n_threads:
            mixture = DirichletMixture(40, max_iter=8, random_state=1, n_threads=n).fit(X)
            proba = mixture.predict_proba(X[:500])
            runs.append((mixture.labels_, mixture.token_counts_.data, proba, mixture.log_likelihood_))
    for run in runs[1:]:
        for a, b in zip(runs[0], run, strict=True):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_planted_clusters_are_found_and_the_others_die() -> None:
    X, labels = planted()
    mixture = DirichletMixture(40, random_state=0).fit(X)
    assert adjusted_rand_score(labels, mixture.labels_) > 0.95
    assert 6 <= mixture.n_clusters_ <= 8
    assert mixture.n_active_per_iter_[-1] == mixture.n_clusters_
    assert len(mixture.n_moved_per_iter_) == mixture.n_iter_ == 31
    assert (np.diff(mixture.cluster_sizes_) <= 0).all()
    assert np.bincount(mixture.labels_).tolist() == mixture.cluster_sizes_.tolist()


def test_blocks_lose_nothing_against_the_sequential_sampler() -> None:
    X, labels = planted(1280, seed=5)
    parts = rows_argument(X)
    for seed in range(3):
        one, block = (
            _core.dirichlet_mixture(parts, 30, 0.1, 0.1, 20, size, True, seed, 2)
            for size in (1, X.shape[0] // 64)
        )
        assert block[3] > one[3] - 0.01 * abs(one[3])
        assert adjusted_rand_score(labels, block[0]) > 0.95


def test_documents_without_terms_have_the_prior() -> None:
    X, _ = planted(200)
    X = sp.csr_array(sp.vstack([sp.csr_array((3, X.shape[1]), dtype=np.float32), X]))
    mixture = DirichletMixture(20, random_state=0).fit(X)
    assert mixture.empty_documents_.tolist() == [0, 1, 2]
    assert mixture.labels_[:3].tolist() == [0, 0, 0]
    assert mixture.cluster_sizes_.sum() == 200
    nothing = np.zeros((1, X.shape[1]))
    prior = (mixture.cluster_sizes_ + 0.1) / (200 + 0.1 * mixture.n_clusters_)
    np.testing.assert_allclose(mixture.predict_proba(nothing)[0], prior, rtol=1e-12)
    assert mixture.score_samples(nothing)[0] == pytest.approx(0, abs=1e-12)


def test_more_clusters_than_documents() -> None:
    mixture = DirichletMixture(50, random_state=0).fit([[1, 0], [0, 2], [3, 0]])
    assert 1 <= mixture.n_clusters_ <= 3


def test_stored_zeros_are_no_terms() -> None:
    X, _ = planted(100)
    with_zeros = X.toarray()
    stored = sp.csr_array(
        (with_zeros.ravel(), np.tile(np.arange(120), 100), np.arange(0, 12001, 120)), shape=(100, 120)
    )
    assert stored.nnz == 12000
    a, b = (DirichletMixture(9, random_state=2).fit(m) for m in (X, stored))
    assert a.labels_.tolist() == b.labels_.tolist()


def test_bad_counts_are_named() -> None:
    mixture = DirichletMixture(2)
    with pytest.raises(ValueError, match=r"X\[1, 2\]=0\.5 is not a count"):
        mixture.fit([[1, 0, 0], [0, 1, 0.5]])
    with pytest.raises(ValueError, match=r"Negative values in data: X\[0, 1\]=-1 is not a count"):
        mixture.fit([[1, -1]])
    with pytest.raises(ValueError, match="NaN"):
        mixture.fit([[1, np.nan]])
    with pytest.raises(ValueError, match="all 2 rows are empty"):
        mixture.fit(np.zeros((2, 3)))
    fitted = mixture.fit([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match=r"X\[0, 0\]=1\.5 is not a count"):
        fitted.predict([[1.5, 0]])
    with pytest.raises(ValueError, match="3 features"):
        fitted.predict([[1, 0, 0]])


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_clusters": 0}, ValueError, "n_clusters must be between 1 and 268435456; got 0"),
        ({"n_clusters": 2.0}, TypeError, "n_clusters must be an integer; got 2.0"),
        ({"alpha": 0}, ValueError, "alpha must be > 0; got 0.0"),
        ({"alpha": np.nan}, ValueError, "alpha must be a finite number"),
        ({"beta": -1}, ValueError, "beta must be > 0; got -1.0"),
        ({"max_iter": 0}, ValueError, "max_iter must be >= 1; got 0"),
        ({"n_threads": 0}, ValueError, "n_threads must be >= 1; got 0"),
    ],
)
def test_bad_parameters_are_named(parameters: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        DirichletMixture(**parameters).fit([[1, 0], [0, 1]])


@pytest.mark.parametrize(("value", "error"), [(np.nan, ValueError), (None, TypeError), (1e300, ValueError)])
@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_predict_names_what_was_set_wrong_after_the_fit(
    name: str, value: object, error: type[Exception]
) -> None:
    fitted = DirichletMixture(2, random_state=0).fit([[1, 0], [0, 1]]).set_params(**{name: value})
    with pytest.raises(error, match=f"^{name} must be"):
        fitted.predict([[1, 0]])


def test_the_op_refuses_what_it_cannot_use() -> None:
    X = rows_argument(sp.csr_array(np.ones((2, 3), np.float32)))
    with pytest.raises(ValueError, match="n_passes=-1"):
        _core.dirichlet_mixture(X, 2, 0.1, 0.1, -1, 1, True, 0, 1)
    with pytest.raises(ValueError, match="block_size=0"):
        _core.dirichlet_mixture(X, 2, 0.1, 0.1, 1, 0, True, 0, 1)
    with pytest.raises(TypeError, match="X must be given as CSR"):
        _core.dirichlet_mixture(np.ones((2, 3), np.float32), 2, 0.1, 0.1, 1, 1, True, 0, 1)
    sizes = np.ones(2, np.int64)
    with pytest.raises(ValueError, match="X has 3 features; the state has 4"):
        _core.mixture_posterior(X, parts_of(sp.csr_array(np.ones((4, 2)))), sizes, 0.1, 0.1, False, 1)
    state = parts_of(sp.csr_array(np.ones((3, 2))))
    with pytest.raises(ValueError, match=r"sizes\[1\]=-1"):
        _core.mixture_posterior(X, state, np.array([1, -1]), 0.1, 0.1, False, 1)
    indptr, clusters, counts = state
    for bad in (clusters + 1, clusters - 1, clusters[::-1].copy(), np.zeros_like(clusters)):
        with pytest.raises(ValueError, match=r"tokens of term 0 in cluster -?\d of 2, behind cluster"):
            _core.mixture_posterior(X, (indptr, bad, counts), sizes, 0.1, 0.1, False, 1)
    with pytest.raises(ValueError, match="the state has -1 tokens of term 0 in cluster 0"):
        _core.mixture_posterior(X, (indptr, clusters, -counts), sizes, 0.1, 0.1, False, 1)


def test_a_cluster_may_have_more_tokens_of_a_term_than_float32_can_count() -> None:
    X = np.array([[2**24, 1, 0], [2**24, 1, 0], [1, 0, 0], [0, 1, 3], [0, 0, 9]], dtype=np.float32)
    model = DirichletMixture(2, random_state=0).fit(X)
    assert model.token_counts_.toarray()[0, 0] == 2**25 + 1
    assert model.predict(X).tolist() == [0, 0, 0, 1, 1]


def test_unfitted_is_said() -> None:
    with pytest.raises(NotFittedError):
        DirichletMixture().predict([[1]])


@pytest.mark.slow
def test_real_titles(load_rows) -> None:
    rows = load_rows("clinc150", "test", 2000)
    X = CountVectorizer(stop_words="english", min_df=2).fit_transform([row["text"] for row in rows])
    mixture = DirichletMixture(100, random_state=0).fit(X)
    again = clone(mixture).fit(X)
    assert np.array_equal(mixture.labels_, again.labels_)
    assert 20 < mixture.n_clusters_ < 100
    assert mixture.score(X) > DirichletMixture(1, random_state=0).fit(X).score(X)
