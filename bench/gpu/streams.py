"""Rows that pass through the GPU from the host's memory, and words of documents: rates, beside those of the CPU."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from coterie import TfidfVectorizer, _core

BLOCK_BYTES = 64 << 20


class Sizes(NamedTuple):
    """Of the rows that are streamed, and of the documents."""

    n_rows: int
    n_features: int
    n_clusters: int
    n_documents: int
    n_words: int


SIZES = Sizes(2_000_000, 384, 1000, 200_000, 40)
REHEARSED = Sizes(200, 33, 7, 30, 9)


def streamed(device: Any, sizes: Sizes) -> dict[str, Any]:
    """Time passes over rows of the host's memory; the labels of the first block are compared with the CPU's."""
    n, d, k = sizes[:3]
    random = np.random.default_rng(0)
    X = random.standard_normal((n, d), dtype=np.float32)
    centers = X[random.permutation(n)[:k]].copy()
    samples = _core.Samples(X[:1000], None, "euclidean", 0)
    scales = _core.integer_scales(np.full(d, 8, np.float32), float(n), "euclidean")
    most = BLOCK_BYTES // (4 * d)
    room = _core.DevicePass(device, "euclidean", False, k, *scales, most, 0, False, 0)
    labels, seconds = np.full(n, -1, np.int32), []
    for _ in range(4):
        begin = time.perf_counter()
        room.begin(centers, True, False)
        for first in range(0, n, most):
            room.add(X[first : first + most], None, labels[first : first + most])
        room.finish()
        seconds.append(time.perf_counter() - begin)
    wrong = int((labels[:1000] != samples.assign(centers)).sum())
    note = (
        f"{wrong} labels differ from the CPU's"
        if wrong
        else f"{X.nbytes / min(seconds) / 1e9:.1f} GB/s from the host"
    )
    shape = {"n": n, "d": d, "k": k}
    return {**shape, "seconds": float(np.median(seconds)), "note": note}


def words(device_name: str, sizes: Sizes, ngram_range: tuple[int, int]) -> dict[str, Any]:
    """Time TF-IDF of synthetic documents whose words follow Zipf's law; the matrices must be equal."""
    random = np.random.default_rng(0)
    vocabulary = [f"word{i}" for i in range(200_000)]
    drawn = np.minimum(random.zipf(1.2, (sizes.n_documents, sizes.n_words)) - 1, len(vocabulary) - 1)
    texts = [" ".join(vocabulary[i] for i in row) for row in drawn.tolist()]
    n_bytes, rates, found = sum(map(len, texts)), {}, {}
    for name in ("cpu", device_name):
        seconds = []
        for _ in range(3):
            begin = time.perf_counter()
            vectorizer = TfidfVectorizer(ngram_range=ngram_range, min_df=2, sublinear_tf=True, device=name)
            found[name] = vectorizer.fit_transform(texts)
            seconds.append(time.perf_counter() - begin)
        rates[name] = n_bytes / min(seconds) / 1e6
    a, b = found["cpu"], found[device_name]
    same = all(
        np.array_equal(x, y) for x, y in ((a.data, b.data), (a.indices, b.indices), (a.indptr, b.indptr))
    )
    note = ", ".join(f"{name} {rate:.0f} MB/s" for name, rate in rates.items())
    shape = {"n": sizes.n_documents, "d": a.shape[1], "k": 0}
    return {**shape, "note": note if same else "the matrices differ"}
