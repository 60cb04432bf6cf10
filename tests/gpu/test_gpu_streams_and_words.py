"""A GPU gives the bits of the CPU for rows that pass through it in blocks, and for the words of documents."""

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import CountVectorizer, KMeans, TfidfVectorizer, _core
from tests.device import kmeans_cases as cases
from tests.device.test_device_words import TEXTS, counter_on, same_matrix, totals_by_term

pytestmark = pytest.mark.gpu


def bits(model):
    return [
        np.asarray(a).tobytes()
        for a in (model.labels_, model.cluster_centers_, model.inertia_, model.n_iter_)
    ]


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_streamed_rows(device, kind, metric, monkeypatch):
    """Blocks of 4 MiB, so that the buffers are used in turn, and one of another size at the end."""
    monkeypatch.setattr("coterie.cluster._blocks._BLOCK_BYTES", 4 << 20)
    X, _ = cases.rows_of("normal", 90_001, 96, 40)
    X = sp.csr_array(np.where(X > 1, X, 0).astype(np.float32)) if kind == "sparse" else X
    weight = np.random.default_rng(0).random(X.shape[0])
    options = {"metric": metric, "random_state": 0, "max_iter": 6}
    expected = bits(KMeans(40, **options).fit(X, sample_weight=weight))
    for _ in range(3):
        there = KMeans(40, device="cuda", memory_limit="1GB", **options).fit(X, sample_weight=weight)
        assert bits(there) == expected


def test_rows_are_mapped_from_a_file(device, tmp_path):
    X, _ = cases.rows_of("normal", 200_000, 128, 1)
    np.save(tmp_path / "rows.npy", X)
    expected = bits(KMeans(100, random_state=0, max_iter=4).fit(X))
    found = KMeans(100, random_state=0, max_iter=4, device="cuda").fit(tmp_path / "rows.npy")
    assert bits(found) == expected


def test_an_interrupted_loop_leaves_the_device_usable(device):
    X, centers = cases.rows_of("normal", 20_000, 32, 50)
    samples = _core.DeviceSamples(X, None, "euclidean", device, 0)
    expected = samples.lloyd(centers, 6, 0.0, None)

    def stop(iteration, changed):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        samples.lloyd(centers, 6, 0.0, stop)
    cases.assert_same_run(expected, samples.lloyd(centers, 6, 0.0, None))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"min_df": 2, "stop_words": "english", "sublinear_tf": True},
        {"max_features": 500, "dtype": np.float64},
        {"ngram_range": (1, 3), "stop_words": "english", "min_df": 2, "norm": "l1"},
        {"strip_accents": "unicode", "ngram_range": (2, 2), "tf": "relative", "norm": None},
    ],
)
def test_words(device, options):
    random = np.random.default_rng(0)
    vocabulary = [f"wörd{i}" if i % 7 == 0 else f"Word{i}" for i in range(20_000)]
    drawn = np.minimum(random.zipf(1.3, (30_000, 40)) - 1, len(vocabulary) - 1)
    texts = TEXTS + [" ".join(vocabulary[i] for i in row) for row in drawn]
    here, there = TfidfVectorizer(**options), TfidfVectorizer(device="cuda", **options)
    same_matrix(here.fit_transform(texts), there.fit_transform(texts))
    assert here.vocabulary_ == there.vocabulary_
    same_matrix(here.transform(texts[:500]), there.transform(texts[:500]))


def test_collisions_are_seen(device):
    words = [f"w{i} fish w{i}" for i in range(6)]
    for _ in range(10):
        assert totals_by_term(counter_on(device, words, hash_mask=0x7F)) == totals_by_term(
            counter_on(None, words)
        )
    with pytest.raises(RuntimeError, match="hashes of different words are equal"):
        counter_on(device, words, hash_mask=1)


def test_batches_on_the_device(device):
    assert totals_by_term(counter_on(device, TEXTS, batch_bytes=64)) == totals_by_term(
        counter_on(None, TEXTS)
    )
    assert CountVectorizer(device="cuda").fit(TEXTS).n_documents_ == len(TEXTS)
