"""K-means against its definition, against scikit-learn from the same centres, and against itself bit for bit."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.cluster
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize

from coterie import KMeans, MiniBatchKMeans, _core
from coterie._validation import rows_argument
from tests.reference.assign_labels import assign_labels
from tests.reference.update_centroids import update_centroids

SPARSE_SHAPE = (400, 90)


def blobs(n=500, d=20, k=7, seed=0):
    X, _ = make_blobs(n, d, centers=k, cluster_std=4, random_state=seed)
    return X.astype(np.float32)


def sparse_rows(seed=0):
    random = np.random.default_rng(seed)
    X = sp.random(*SPARSE_SHAPE, density=0.1, format="csr", dtype=np.float32, random_state=seed)
    X.data = random.random(len(X.data)).astype(np.float32)
    return X


def bits(model):
    return [np.asarray(a).tobytes() for a in (model.labels_, model.cluster_centers_, model.inertia_)]


@pytest.mark.parametrize("weighted", [False, True])
def test_one_iteration_is_the_reference_bit_for_bit(isa, weighted):
    X, random = blobs(), np.random.default_rng(1)
    weight = random.random(len(X)) if weighted else np.ones(len(X))
    start = X[:7].copy()
    samples = _core.Samples(X, weight, "euclidean", 2)
    _, centers, _, n_iter, *_ = samples.lloyd(start, 1, 0.0, None)
    expected = update_centroids(X, assign_labels(X, start), start, weight)
    assert n_iter == 1
    assert centers.tobytes() == expected.tobytes()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("make", [blobs, sparse_rows])
def test_the_same_bits_on_every_isa_and_thread_count(metric, make, every_isa, every_n_threads):
    X = make()
    weight = np.random.default_rng(0).random(X.shape[0])
    results = []
    for name in every_isa:
        _core.set_isa(name)
        for n_threads in every_n_threads:
            model = KMeans(12, metric=metric, random_state=3, n_init=2, n_threads=n_threads)
            results.append(bits(model.fit(X, sample_weight=weight)))
    assert len(every_isa) >= 1
    assert all(result == results[0] for result in results)


def test_the_same_bits_when_the_filter_changes_on_the_way(every_isa):
    random = np.random.default_rng(0)
    # Enough rows for a trial of the filters; clusters so close that bounds, pairs and canonical scores all have work.
    X = (
        random.standard_normal((17_000, 120))
        + 3 * random.standard_normal((40, 120))[random.integers(40, size=17_000)]
    )
    X = X.astype(np.float32)
    seen, filters = [], {}
    for name in every_isa:
        _core.set_isa(name)
        model = KMeans(100, init=X[:100].copy(), max_iter=12, tol=0).fit(X)
        seen.append([bits(model), model.n_iter_])
        filters[name] = model.filter_
    assert all(other == seen[0] for other in seen)
    assert filters.get("portable", "float32") == "float32"
    assert filters.get("avx512_vnni", "int8") == "int8"
    assert filters.get("amx", "bfloat16") != "float32"
    np.testing.assert_array_equal(model.labels_, assign_labels(X, model.cluster_centers_))


def test_rows_are_packed_once_many_have_stayed_contested(every_isa):
    """With few centroids packing pays only where bounds leave many rows to be compared for long."""
    random = np.random.default_rng(0)
    means = random.standard_normal((4, 256))
    X = (means[random.integers(4, size=17_000)] + 0.8 * random.standard_normal((17_000, 256))).astype(
        np.float32
    )
    start = X[random.permutation(17_000)[:8]].copy()
    seen = {}
    for name in every_isa:
        _core.set_isa(name)
        for max_iter in (2, 25):
            model = KMeans(8, init=start, max_iter=max_iter, tol=0).fit(X)
            seen.setdefault(max_iter, []).append(bits(model))
            packs = name in ("avx512_vnni", "avx512_bf16", "amx") and max_iter == 25
            assert model.filter_ == ("int8" if packs else "float32")
            np.testing.assert_array_equal(model.labels_, assign_labels(X, model.cluster_centers_))
    assert all(other == fits[0] for fits in seen.values() for other in fits)


@pytest.mark.parametrize("n", [1, 2, 255, 256, 257, 5000])
def test_the_same_bits_at_task_boundaries(n, every_n_threads):
    X = blobs(n, 9)
    fits = [bits(KMeans(min(n, 5), random_state=0, n_threads=t).fit(X)) for t in every_n_threads]
    assert all(fit == fits[0] for fit in fits)


@pytest.mark.parametrize("make", [blobs, sparse_rows])
@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learn_from_the_same_centres(make, weighted):
    X = make()
    weight = np.random.default_rng(5).random(X.shape[0]) + 0.1 if weighted else None
    start = np.asarray(X[:6].todense() if sp.issparse(X) else X[:6])
    theirs = sklearn.cluster.KMeans(6, init=start, n_init=1).fit(X, sample_weight=weight)
    ours = KMeans(6, init=start, n_init=1).fit(X, sample_weight=weight)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=2e-5, atol=2e-6)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-5)
    assert ours.n_iter_ == theirs.n_iter_


def test_cosine_is_euclidean_on_unit_rows_up_to_the_centres_length():
    X = sparse_rows()
    model = KMeans(5, metric="cosine", random_state=0).fit(X)
    norms = np.linalg.norm(model.cluster_centers_, axis=1)
    np.testing.assert_allclose(norms, 1, rtol=1e-6)
    dense = X.toarray().astype(np.float64)
    unit = dense / np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-300)
    loss = (1 - (unit * model.cluster_centers_[model.labels_]).sum(axis=1)).sum()
    assert model.inertia_ == pytest.approx(loss, rel=1e-6)


def test_cosine_does_not_see_the_length_of_rows():
    X = sparse_rows()
    scaled = sp.diags_array(2.0 ** np.random.default_rng(0).integers(-20, 20, X.shape[0])) @ X
    one = KMeans(5, metric="cosine", random_state=0).fit(X)
    other = KMeans(5, metric="cosine", random_state=0).fit(sp.csr_array(scaled.astype(np.float32)))
    assert bits(one)[:2] == bits(other)[:2]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("make", [blobs, sparse_rows])
@pytest.mark.parametrize("max_iter", [1, 2, 300])
def test_fit_predict_is_predict(metric, make, max_iter):
    X = make()
    model = KMeans(9, metric=metric, random_state=1, max_iter=max_iter)
    labels = model.fit_predict(X)
    np.testing.assert_array_equal(labels, model.predict(X))
    two, distances = model.predict_top_two(X)
    np.testing.assert_array_equal(labels, two[:, 0])
    np.testing.assert_array_equal(distances[:, 0], model.transform(X)[np.arange(X.shape[0]), labels])
    assert -model.score(X) == model.inertia_


def test_lloyd_never_raises_the_inertia():
    X, centers, last = blobs(2000, 8, 30), blobs(2000, 8, 30)[:30].copy(), np.inf
    samples = _core.Samples(X, None, "euclidean", 2)
    for _ in range(20):
        _, centers, inertia, _, converged, *_ = samples.lloyd(centers, 1, 0.0, None)
        assert inertia <= last * (1 + 1e-6)
        last = inertia
    assert np.isfinite(last)
    assert not converged


def test_delta_updates_do_not_drift():
    """Sums moved over many iterations are those computed afresh from the final labels."""
    X = blobs(3000, 10, 25)
    samples = _core.Samples(X, None, "euclidean", 2)
    labels, centers, *_ = samples.lloyd(X[:25].copy(), 500, 0.0, None)
    fresh = update_centroids(X, labels, centers, np.ones(len(X)))
    assert fresh.tobytes() == centers.tobytes()


@pytest.mark.parametrize("k", [5, 40, 150])
def test_every_update_of_sparse_rows_is_the_reference_bit_for_bit(isa, k):
    """Rare features come to clusters that had none of them, and leave others, in each iteration."""
    X = sp.csr_array(
        sp.random(
            300, 50, density=0.15, random_state=np.random.default_rng(k), dtype=np.float32, format="csr"
        )
    )
    X = normalize(X)  # each of the first rows is nearest to its own centre
    samples, start = _core.Samples(rows_argument(X), None, "euclidean", 2), X[:k].toarray()
    start += np.float32(0.01)  # the first centres have features that their rows have not
    labels, centers = samples.assign(start), start
    for n_iter in range(1, 5):
        assert np.bincount(labels, minlength=k).all()  # the reference moves no row to an empty cluster
        expected = update_centroids(X.toarray(), labels, centers, np.ones(300))
        labels, centers, *_ = samples.lloyd(start, n_iter, 0.0, None)
        assert centers.tobytes() == expected.tobytes()


def test_empty_clusters_take_the_farthest_rows():
    X = np.array([[0, 0], [0, 1], [10, 0], [50, 0], [51, 0]], np.float32)
    start = np.array([[0, 0], [0, 0], [0, 0]], np.float32)  # two of three start empty
    theirs = sklearn.cluster.KMeans(3, init=start, n_init=1).fit(X)
    ours = KMeans(3, init=start).fit(X)
    assert len(set(ours.labels_)) == 3
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-6)


@pytest.mark.parametrize("sparse", [False, True])
def test_more_clusters_than_distinct_rows_warns_and_stays_finite(sparse):
    X = np.repeat(np.array([[1, 0], [0, 1]], np.float32), 10, axis=0)
    with pytest.warns(ConvergenceWarning, match="^only 2 of n_clusters=5 clusters have rows, as where"):
        model = KMeans(5, random_state=0).fit(sp.csr_array(X) if sparse else X)
    assert np.isfinite(model.cluster_centers_).all()
    assert model.inertia_ == 0


def test_one_cluster_for_each_row():
    X = blobs(40, 6)
    model = KMeans(40, random_state=0).fit(X)
    assert sorted(model.labels_.tolist()) == list(range(40))
    assert model.inertia_ == 0


def test_common_offset_keeps_the_clusters():
    X, y = make_blobs(300, 4, centers=4, cluster_std=50, center_box=(-5000, 5000), random_state=0)
    plain = KMeans(4, random_state=0).fit(X.astype(np.float32))
    moved = KMeans(4, random_state=0).fit((X + 1e8).astype(np.float32))
    agreement = sklearn.metrics.adjusted_rand_score(plain.labels_, moved.labels_)
    assert agreement == 1
    assert sklearn.metrics.adjusted_rand_score(y, plain.labels_) == 1


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_extreme_norms_give_the_same_clusters(factor):
    X = blobs(300, 6, 4)
    plain = KMeans(4, init=X[:4].copy()).fit(X)
    scaled = (X * np.float32(factor)).astype(np.float32)
    other = KMeans(4, init=scaled[:4].copy()).fit(scaled)
    assert sklearn.metrics.adjusted_rand_score(plain.labels_, other.labels_) == 1
    assert np.isfinite(other.cluster_centers_).all()


def test_seeds_are_distinct_rows_drawn_far_apart():
    X, y = make_blobs(600, 5, centers=12, cluster_std=0.01, random_state=0)
    rows = _core.Samples(X.astype(np.float32), None, "euclidean", 2).kmeans_plusplus(12, 0, 7)
    assert len(set(y[rows])) == 12


@pytest.mark.parametrize("make", [blobs, sparse_rows])
def test_seeding_on_a_sample_draws_the_same_distinct_rows_everywhere(make, every_isa, every_n_threads):
    X = make()
    draws = []
    for name in every_isa:
        _core.set_isa(name)
        draws += [
            _core.Samples(rows_argument(X), None, "euclidean", n).kmeans_plusplus(20, 0, 5, 60).tolist()
            for n in every_n_threads
        ]
    assert all(draw == draws[0] for draw in draws)
    assert len(set(draws[0])) == 20
    assert max(draws[0]) < X.shape[0]


def test_zero_weights_take_no_part():
    X = blobs()
    weight = np.ones(len(X))
    weight[::3] = 0
    one = KMeans(5, random_state=0).fit(X, sample_weight=weight)
    start = one.cluster_centers_
    kept = KMeans(5, init=start).fit(X[weight > 0])
    np.testing.assert_array_equal(one.labels_[weight > 0], kept.labels_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("make", [KMeans, MiniBatchKMeans])
def test_random_seeds_are_rows_without_weight_where_others_do_not_suffice(make):
    X = blobs()
    weight = np.zeros(len(X))
    weight[[3, 7]] = 2
    model = make(5, init="random", random_state=0).fit(X, sample_weight=weight)
    np.testing.assert_allclose(model.cluster_centers_[model.labels_[[3, 7]]], X[[3, 7]], rtol=1e-5)


def test_pickle_keeps_the_predictions():
    X = sparse_rows()
    model = KMeans(6, random_state=0).fit(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.labels_)


class TestMiniBatch:
    def test_finds_separated_blobs(self):
        X, y = make_blobs(3000, 8, centers=6, cluster_std=0.5, random_state=1)
        model = MiniBatchKMeans(6, random_state=0, batch_size=256).fit(X)
        assert sklearn.metrics.adjusted_rand_score(y, model.labels_) > 0.99

    @pytest.mark.parametrize("make", [blobs, sparse_rows])
    @pytest.mark.parametrize("metric", ["euclidean", "cosine"])
    def test_the_same_bits_on_every_isa_and_thread_count(self, make, metric, every_isa, every_n_threads):
        X, results = make(), []
        for name in every_isa:
            _core.set_isa(name)
            for n_threads in every_n_threads:
                model = MiniBatchKMeans(
                    5, metric=metric, batch_size=64, max_iter=5, random_state=0, n_threads=n_threads
                )
                results.append(bits(model.fit(X)))
        assert all(result == results[0] for result in results)

    def test_inertia_comes_near_lloyd(self):
        X = blobs(4000, 10, 12)
        lloyd = KMeans(12, random_state=0, n_init=3).fit(X)
        small = MiniBatchKMeans(12, random_state=0, n_init=3).fit(X)
        assert small.inertia_ < 1.1 * lloyd.inertia_

    def test_partial_fit_is_the_weighted_mean_of_all_rows(self):
        X = np.array([[0.0], [2.0], [100.0], [104.0]], np.float32)
        model = MiniBatchKMeans(2, init=np.array([[1.0], [101.0]], np.float32), reassignment_ratio=0)
        model.partial_fit(X).partial_fit(np.array([[4.0], [96.0]], np.float32))
        np.testing.assert_allclose(model.cluster_centers_, [[2.0], [100.0]])


def test_verbose_tells_iterations_and_filter(capsys):
    model = KMeans(3, init=blobs()[:3].copy(), max_iter=2, tol=0, verbose=1).fit(blobs())
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["Iteration 1", "Iteration 2"]
    assert lines[2].startswith(f"Filter {model.filter_}, ")


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_relative_tolerance_is_that_of_the_variance(metric: str) -> None:
    X = 3 + np.random.default_rng(4).standard_normal((900, 7), dtype=np.float32)
    samples = _core.Samples(X, None, metric, 2)
    absolute = samples.lloyd(X[:20].copy(), 300, 0.2 * samples.mean_feature_variance(), None)
    relative = samples.lloyd(X[:20].copy(), 300, 0.2, None, tol_is_relative=True)
    assert 1 < absolute[3] < samples.lloyd(X[:20].copy(), 300, 0.0, None)[3]  # it stops early
    assert relative[2:5] == absolute[2:5]
    np.testing.assert_array_equal(relative[0], absolute[0])
    np.testing.assert_array_equal(relative[1], absolute[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("bad", "told"), [(np.nan, "Input X contains NaN"), (np.inf, "Input X contains infinity")]
)
def test_values_that_are_not_finite_are_told_as_scikit_learn_does(dtype: type, bad: float, told: str) -> None:
    X = np.random.default_rng(5).standard_normal((60, 4)).astype(dtype)
    model = KMeans(3, random_state=0).fit(X)
    X[41, 2] = bad
    for call in (model.predict, KMeans(3).fit):
        with pytest.raises(ValueError, match=told):
            call(X)
