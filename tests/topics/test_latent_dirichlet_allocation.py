"""LatentDirichletAllocation against its definition, the exact posterior, and itself on other threads and CPUs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment
from sklearn.exceptions import NotFittedError

from coterie import CountVectorizer, LatentDirichletAllocation, _core
from coterie._validation import rows_argument
from coterie.topics._term_topics import parts_of, summed
from reference import latent_dirichlet_allocation as reference


def fit_op(X, K, alpha, beta, n_iter, seed, learns=False, n_samples=1, background=None, n_threads=1):
    parts = rows_argument(sp.csr_array(X, dtype=np.float32))
    alphas = np.full(K, alpha)
    return _core.latent_dirichlet_allocation(
        parts, alphas, beta, n_iter, learns, n_samples, background, seed, n_threads
    )


def dense(term_topics, K: int) -> np.ndarray:
    indptr, topic, count = term_topics
    return sp.csr_array((count, topic, indptr), shape=(len(indptr) - 1, K)).toarray()


def planted(n: int = 400, K: int = 5, V: int = 100, length: int = 60, seed: int = 0):
    rng = np.random.default_rng(seed)
    topics = rng.dirichlet(np.full(V, 0.05), K)
    mixtures = rng.dirichlet(np.full(K, 0.3), n)
    X = np.array([rng.multinomial(length, m @ topics) for m in mixtures], dtype=np.float32)
    return sp.csr_array(X), topics, mixtures


@pytest.mark.parametrize("K", [1, 2, 3, 7, 16, 17])
def test_draws_are_those_of_the_definition(K: int, isa: str) -> None:
    X = np.random.default_rng(K).poisson(0.8, (14, 11)).astype(np.float32)
    z = reference.sample(X, K, 0.4, 0.2, 5, seed=11)
    wanted = np.zeros((11, K), dtype=int)
    np.add.at(wanted, (reference.tokens(X)[1], z), 1)
    found, n_samples, _, _, log_likelihood, n_tokens = fit_op(X, K, 0.4, 0.2, 5, 11)
    assert np.array_equal(dense(found, K), wanted)
    assert (n_samples, n_tokens) == (1, X.sum())
    joint = reference.log_joint(*reference.tokens(X), z, X.shape, np.full(K, 0.4), 0.2)
    np.testing.assert_allclose(log_likelihood, joint, rtol=1e-10)


def test_the_sampler_is_near_the_exact_posterior() -> None:
    # Counts that wait for the end of a phase are an approximation, worst where one token is an eighth of the corpus.
    X, alpha, beta = np.array([[2, 1, 0, 1], [0, 1, 2, 1]], dtype=np.float32), 0.5, 0.3
    d, w = reference.tokens(X)
    every = [np.array(z) for z in itertools.product(range(2), repeat=len(d))]
    log_p = np.array([reference.log_joint(d, w, z, X.shape, np.full(2, alpha), beta) for z in every])
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    drawn = np.array([fit_op(X, 2, alpha, beta, 30, seed)[4] for seed in range(3000)])
    values = np.unique(log_p.round(6))
    exact = np.array([p[log_p.round(6) == v].sum() for v in values])
    found = np.array([(abs(drawn - v) < 2e-6).mean() for v in values])
    assert found.sum() == pytest.approx(1)
    assert abs(found - exact).sum() / 2 < 0.1
    assert abs(drawn.mean() - p @ log_p) < 0.02 * abs(p @ log_p)


def test_the_same_bits_on_any_threads_and_instruction_set(
    every_n_threads: tuple[int, ...], every_isa: list[str]
) -> None:
    X, _, _ = planted(500)
    runs = []
    for isa in every_isa:
        _core.set_isa(isa)
        for n in every_n_threads:
            lda = LatentDirichletAllocation(20, max_iter=20, random_state=1, n_threads=n).fit(X)
            mixtures = lda.transform(X[:100])
            score = lda.score(X[:50])
            lda.partial_fit(X[:200])
            runs.append((lda.components_, lda.doc_topic_prior_, mixtures, score, lda.topic_word_prior_))
    for run in runs[1:]:
        for a, b in zip(runs[0], run, strict=True):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("way", ["fit", "partial_fit"])
def test_planted_topics_are_recovered(way: str) -> None:
    X, topics, mixtures = planted(1000)
    lda = LatentDirichletAllocation(5, random_state=0)
    if way == "fit":
        lda.fit(X)
    else:
        for start in range(0, 1000, 250):
            lda.partial_fit(X[start : start + 250])
    found = lda.topic_word_distribution_
    overlap = np.minimum(found[:, None], topics[None]).sum(axis=2)
    mine, theirs = linear_sum_assignment(-overlap)
    assert overlap[mine, theirs].min() > (0.85 if way == "fit" else 0.8)
    error = abs(lda.transform(X)[:, mine] - mixtures[:, theirs]).sum(axis=1).mean()
    assert error < 0.35
    assert lda.n_batch_iter_ == (1 if way == "fit" else 4)


def test_small_batches_keep_the_priors() -> None:
    X, _, _ = planted(200)
    lda = LatentDirichletAllocation(5, doc_topic_prior=0.3, batch_iter=20, random_state=0)
    lda.partial_fit(X[:49])  # fewer than ten documents for each topic
    assert lda.doc_topic_prior_ == pytest.approx(np.full(5, 0.3))
    lda.partial_fit(X[:50])
    assert lda.doc_topic_prior_ != pytest.approx(np.full(5, 0.3))


def test_priors_are_learned() -> None:
    X, _, _ = planted(1500)
    lda = LatentDirichletAllocation(5, random_state=0).fit(X)
    assert lda.doc_topic_prior_ == pytest.approx(np.full(5, 0.3), abs=0.1)
    assert lda.topic_word_prior_ == pytest.approx(0.05, abs=0.02)
    kept = LatentDirichletAllocation(5, doc_topic_prior=0.7, topic_word_prior=0.2, learn_priors=False)
    kept.set_params(max_iter=20, random_state=0).fit(X)
    assert kept.doc_topic_prior_.tolist() == [0.7] * 5
    assert kept.topic_word_prior_ == 0.2
    assert lda.perplexity(X) < kept.perplexity(X)


def test_more_iterations_predict_better_and_perplexity_is_that_of_the_definition() -> None:
    X, topics, _ = planted(600, V=60)
    held_out, _, _ = planted(100, V=60, seed=1)
    held_out = sp.csr_array(np.random.default_rng(2).permuted(X[:100].toarray(), axis=0))
    short, long = (LatentDirichletAllocation(5, max_iter=n, random_state=0).fit(X[100:]) for n in (1, 100))
    assert long.perplexity(X[:100]) < short.perplexity(X[:100])
    assert long.score(held_out) == pytest.approx(
        -np.log(long.perplexity(held_out)) * (held_out.sum(axis=1) // 2).sum()
    )
    uniform = 60
    assert len(topics[0]) == uniform
    assert 1 < long.perplexity(X[:100]) < uniform


def test_halves_deal_tokens_in_turn() -> None:
    from coterie.topics._completion import halves

    X = sp.csr_array(np.array([[3, 0, 2], [0, 1, 0], [0, 0, 0], [1, 1, 1]], dtype=np.float32))
    first, second = halves(rows_argument(X))
    wanted = [[2, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 1]]
    assert sp.csr_array(first[:3], shape=X.shape).toarray().tolist() == wanted
    assert sp.csr_array(second[:3], shape=X.shape).toarray().tolist() == (X.toarray() - wanted).tolist()


def test_documents_are_folded_in_alone() -> None:
    X, _, _ = planted(200)
    lda = LatentDirichletAllocation(6, max_iter=20, random_state=0).fit(X)
    together = lda.transform(X)
    alone = np.vstack([lda.transform(X[i : i + 1]) for i in range(20)])
    assert alone.tobytes() == together[:20].tobytes()
    np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-5)


def test_empty_documents_have_the_prior_and_are_marked() -> None:
    X, _, _ = planted(100)
    with_empty = sp.csr_array(sp.vstack([X[:2], sp.csr_array((2, 100), dtype=np.float32), X[2:]]))
    lda = LatentDirichletAllocation(4, max_iter=30, random_state=0).fit(with_empty)
    assert lda.empty_documents_.tolist() == [2, 3]
    prior = lda.doc_topic_prior_ / lda.doc_topic_prior_.sum()
    np.testing.assert_allclose(lda.transform(with_empty)[2], prior, rtol=1e-6)
    assert LatentDirichletAllocation(4, random_state=0).fit(X).empty_documents_.tolist() == []


def test_more_topics_than_documents() -> None:
    lda = LatentDirichletAllocation(50, max_iter=5, random_state=0).fit([[1, 2, 0], [0, 1, 1]])
    assert lda.components_.shape == (50, 3)
    assert lda.topic_sizes_.sum() == pytest.approx(5)
    assert lda.transform([[1, 1, 1]]).shape == (1, 50)


def test_counts_are_kept_between_batches_and_fade() -> None:
    X, _, _ = planted(300)
    lda = LatentDirichletAllocation(5, random_state=0, learning_decay=1.0).partial_fit(X[:150])
    assert lda.topic_sizes_.sum() == X[:150].sum()
    lda.partial_fit(X[150:])
    kept = X[:150].sum() * (1 - 1 / 11)
    assert lda.topic_sizes_.sum() == pytest.approx(kept + X[150:].sum(), rel=0.01)
    before = lda.components_
    lda.partial_fit(sp.csr_array((3, 100), dtype=np.float32))
    assert lda.topic_sizes_.sum() < before.sum()
    assert lda.empty_documents_.tolist() == [0, 1, 2]


def test_more_tokens_than_int32_holds_are_refused() -> None:
    counts = parts_of(sp.csr_array([[2**31 - 1, 0], [0, 7]]))
    nothing = parts_of(sp.csr_array((2, 2), dtype=np.int32))
    np.testing.assert_array_equal(summed(counts, nothing, 2)[2], [2**31 - 1, 7])
    with pytest.raises(ValueError, match=r"at most 2147483647 tokens of one term; it has 4294967294"):
        summed(counts, counts, 2)


def test_terms_of_topics() -> None:
    texts = [
        "red apple red cherry",
        "sweet red apple pie",
        "slow train late train",
        "late bus slow train",
    ] * 10
    vectorizer = CountVectorizer()
    lda = LatentDirichletAllocation(2, random_state=0).fit(vectorizer.fit_transform(texts))
    names = vectorizer.get_feature_names_out()
    terms = lda.top_terms(names, 3)
    distribution = lda.topic_word_distribution_
    for k, topic in enumerate(terms):
        assert [names[j] for j in np.argsort(-distribution[k], kind="stable")[:3]] == [t for t, _ in topic]
        np.testing.assert_allclose([p for _, p in topic], np.sort(distribution[k])[::-1][:3], rtol=1e-12)
    assert lda.get_feature_names_out().tolist() == [
        "latentdirichletallocation0",
        "latentdirichletallocation1",
    ]


def test_bad_counts_are_named() -> None:
    lda = LatentDirichletAllocation(2, max_iter=2, random_state=0)
    with pytest.raises(ValueError, match=r"X\[1, 2\]=0\.5 is not a count"):
        lda.fit([[1, 0, 0], [0, 1, 0.5]])
    with pytest.raises(ValueError, match=r"Negative values in data: X\[0, 1\]=-1 is not a count"):
        lda.partial_fit([[1, -1]])
    with pytest.raises(ValueError, match="all 2 rows are empty"):
        lda.fit(np.zeros((2, 3)))
    fitted = LatentDirichletAllocation(2, max_iter=2, random_state=0).fit([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="nothing to predict"):
        fitted.perplexity([[1, 0]])
    with pytest.raises(ValueError, match="3 features"):
        fitted.transform([[1, 0, 0]])
    with pytest.raises(NotFittedError):
        LatentDirichletAllocation().transform([[1]])


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components must be between 1 and 65535; got 0"),
        ({"n_components": 65536}, ValueError, "got 65536"),
        ({"doc_topic_prior": 0}, ValueError, "doc_topic_prior must be > 0; got 0.0"),
        ({"doc_topic_prior": 1e-320}, ValueError, "doc_topic_prior must be >= 1e-09; got 1e-320"),
        ({"topic_word_prior": 1e-40}, ValueError, "topic_word_prior must be >= 1e-09; got 1e-40"),
        ({"topic_word_prior": "a"}, TypeError, "topic_word_prior must be a number"),
        ({"learn_priors": "yes"}, TypeError, "learn_priors must be True or False; got 'yes'"),
        ({"max_iter": 0}, ValueError, "max_iter must be >= 1; got 0"),
        ({"learning_offset": 0.5}, ValueError, "learning_offset must be a finite number >= 1"),
        ({"mean_change_tol": -1}, ValueError, "mean_change_tol must be a finite number >= 0"),
    ],
)
def test_bad_parameters_are_named(parameters: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LatentDirichletAllocation(**parameters).fit([[1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("max_doc_update_iter", -1, ValueError),
        ("max_doc_update_iter", 2**70, ValueError),
        ("max_doc_update_iter", "a", TypeError),
        ("mean_change_tol", np.nan, ValueError),
        ("mean_change_tol", None, TypeError),
    ],
)
def test_transform_names_what_was_set_wrong_after_the_fit(
    name: str, value: object, error: type[Exception]
) -> None:
    fitted = LatentDirichletAllocation(2, max_iter=2).fit([[1, 0], [0, 1]]).set_params(**{name: value})
    with pytest.raises(error, match=f"{name} must be"):
        fitted.transform([[1, 0]])


@pytest.mark.parametrize("prior", ["doc_topic_prior", "topic_word_prior"])
def test_the_least_priors_give_finite_mixtures(prior: str) -> None:
    X = np.random.default_rng(0).poisson(0.5, (30, 50))
    X[:, 7] = 0
    fitted = LatentDirichletAllocation(5, max_iter=2, learn_priors=False, random_state=0)
    fitted.set_params(**{prior: 1e-9}).fit(X)
    X[:, 7] = 2**24
    assert np.isfinite(fitted.transform(X)).all()
    assert np.isfinite(fitted.perplexity(X))


def test_the_op_refuses_what_it_cannot_use() -> None:
    X = np.ones((2, 3), dtype=np.float32)
    good = (np.array([0, 1, 1, 1]), np.array([1], np.int32), np.array([2], np.int32))
    with pytest.raises(ValueError, match="n_iter=0 must be >= 1"):
        fit_op(X, 2, 0.1, 0.1, 0, 0)
    with pytest.raises(ValueError, match="beta=0 must be > 0"):
        fit_op(X, 2, 0.1, 0.0, 1, 0)
    with pytest.raises(ValueError, match="has count 2 of topic 1"):
        fit_op(X, 1, 0.1, 0.1, 1, 0, background=good)
    with pytest.raises(ValueError, match="background has 2 terms; X has 3"):
        fit_op(X, 2, 0.1, 0.1, 1, 0, background=(good[0][:3], good[1], good[2]))
    with pytest.raises(ValueError, match="indptr must not decrease; it does at 2"):
        fit_op(X, 2, 0.1, 0.1, 1, 0, background=(np.array([0, 1, 0, 1]), good[1], good[2]))
    with pytest.raises(ValueError, match="indptr ends at 1 for 2 topics"):
        fit_op(X, 2, 0.1, 0.1, 1, 0, background=(good[0], np.zeros(2, np.int32), good[2]))
