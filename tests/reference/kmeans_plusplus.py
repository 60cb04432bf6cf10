"""Greedy k-means++ on all rows: each seed is the best of several, drawn in proportion to integer w D^2."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from reference.assign_labels import canonical_dot
from reference.philox import Philox


def power_of_two_below(x: float) -> float:
    return math.ldexp(1.0, 61 - math.frexp(x)[1])


def kmeans_plusplus(
    X: NDArray[np.float64], weight: NDArray[np.float64], k: int, n_trials: int, seed: int, cosine: bool
) -> list[int]:
    random, squared = Philox(seed, stream=1), np.array([canonical_dot(x[None], x[None])[0, 0] for x in X])
    scale = power_of_two_below((2.0 if cosine else 4 * squared.max()) * weight.sum())
    by_weight = np.rint(weight * power_of_two_below(weight.sum())).astype(np.int64)
    norms = np.sqrt(squared)
    closest, potential = np.full(len(X), np.inf), by_weight
    seeds: list[int] = []
    while len(seeds) < k:
        drawn_by = potential if potential.sum() else by_weight
        sums = np.cumsum(drawn_by)
        n_draws = n_trials if seeds else 1
        trials = [
            int(np.searchsorted(sums, random.below(int(sums[-1])), side="right")) for _ in range(n_draws)
        ]
        options = []
        for c in trials:
            dots, lengths = canonical_dot(X, X[c : c + 1])[:, 0], norms * norms[c]
            d2 = np.maximum(squared - 2 * dots + squared[c], 0)
            if cosine:
                d2 = np.where(lengths > 0, np.clip(1 - dots / np.where(lengths > 0, lengths, 1), 0, 2), 1.0)
            nearest = np.minimum(closest, d2)
            options.append((nearest, np.rint(weight * nearest * scale).astype(np.int64)))
        best = int(np.argmin([p.sum() for _, p in options]))
        closest, potential = options[best]
        seeds.append(trials[best])
    return seeds
