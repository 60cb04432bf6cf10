"""Rows that pass through the GPU from the host's memory, and words of documents: rates, beside those of the CPU."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from coterie import TfidfVectorizer, _core

N_ROWS, N_FEATURES, N_CLUSTERS = 2_000_000, 384, 1000
BLOCK_BYTES = 64 << 20
N_DOCUMENTS, N_WORDS = 400_000, 40


def streamed(device: Any) -> dict[str, Any]:
    """Time passes over rows of the host's memory; the labels of the first block are compared with the CPU's."""
    random = np.random.default_rng(0)
    X = random.standard_normal((N_ROWS, N_FEATURES), dtype=np.float32)
    centers = X[random.permutation(N_ROWS)[:N_CLUSTERS]].copy()
    samples = _core.Samples(X[:1000], None, "euclidean", 0)
    scales = _core.integer_scales(np.full(N_FEATURES, 8, np.float32), float(N_ROWS), "euclidean")
    most = BLOCK_BYTES // (4 * N_FEATURES)
    room = _core.DevicePass(device, "euclidean", False, N_CLUSTERS, *scales, most, 0, False, 0)
    labels, seconds = np.full(N_ROWS, -1, np.int32), []
    for _ in range(4):
        begin = time.perf_counter()
        room.begin(centers, True, False)
        for first in range(0, N_ROWS, most):
            room.add(X[first : first + most], None, labels[first : first + most])
        room.finish()
        seconds.append(time.perf_counter() - begin)
    wrong = int((labels[:1000] != samples.assign(centers)).sum())
    note = (
        f"{wrong} labels differ from the CPU's"
        if wrong
        else f"{X.nbytes / min(seconds) / 1e9:.1f} GB/s from the host"
    )
    shape = {"n": N_ROWS, "d": N_FEATURES, "k": N_CLUSTERS}
    return {**shape, "library": "coterie, streamed", "seconds": float(np.median(seconds)), "note": note}


def words(device_name: str) -> dict[str, Any]:
    """Time TF-IDF of synthetic documents whose words follow Zipf's law; the matrices must be equal."""
    random = np.random.default_rng(0)
    vocabulary = [f"word{i}" for i in range(200_000)]
    drawn = np.minimum(random.zipf(1.2, (N_DOCUMENTS, N_WORDS)) - 1, len(vocabulary) - 1)
    texts = [" ".join(vocabulary[i] for i in row) for row in drawn.tolist()]
    n_bytes, rates, found = sum(map(len, texts)), {}, {}
    for name in ("cpu", device_name):
        seconds = []
        for _ in range(3):
            begin = time.perf_counter()
            found[name] = TfidfVectorizer(device=name).fit_transform(texts)
            seconds.append(time.perf_counter() - begin)
        rates[name] = n_bytes / min(seconds) / 1e6
    a, b = found["cpu"], found[device_name]
    same = all(
        np.array_equal(x, y) for x, y in ((a.data, b.data), (a.indices, b.indices), (a.indptr, b.indptr))
    )
    note = ", ".join(f"{name} {rate:.0f} MB/s" for name, rate in rates.items())
    shape = {"n": N_DOCUMENTS, "d": a.shape[1], "k": 0}
    return {**shape, "library": "TF-IDF", "note": note if same else "the matrices differ"}
