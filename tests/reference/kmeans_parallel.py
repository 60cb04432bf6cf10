"""k-means||: rounds draw rows on their own in proportion to integer w D^2; greedy k-means++ chooses among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference.assign_labels import canonical_dot
from reference.kmeans_plusplus import kmeans_plusplus, power_of_two_below
from reference.philox import Philox


def kmeans_parallel(X: NDArray[np.float64], weight: NDArray[np.float64], k: int, seed: int) -> list[int]:
    random, squared = Philox(seed, stream=3), np.array([canonical_dot(x[None], x[None])[0, 0] for x in X])
    scale = power_of_two_below(4 * squared.max() * weight.sum())
    by_weight = np.rint(weight * power_of_two_below(weight.sum())).astype(np.int64)
    drawn = [int(np.searchsorted(np.cumsum(by_weight), random.below(int(by_weight.sum())), side="right"))]

    def distances() -> NDArray[np.float64]:  # to every row drawn
        return ((X[:, None, :] - X[drawn][None]) ** 2).sum(axis=2)

    def potentials() -> list[int]:
        p = np.rint(weight * distances().min(axis=1) * scale).astype(np.int64)
        p[drawn] = 0
        return [int(v) for v in p]

    for _ in range(5):
        p, total = potentials(), sum(potentials())
        drawn += [i for i in range(len(X)) if total and 10 * random.below(total) < 5 * k * p[i]]
    if (missing := k - len(drawn)) > 0:
        p = [-1 if i in drawn else v for i, v in enumerate(potentials())]
        drawn += sorted(range(len(X)), key=lambda i: (-p[i], i))[:missing]
    nearest = distances().argmin(axis=1)
    weights = np.bincount(nearest, weights=weight, minlength=len(drawn))
    return [drawn[c] for c in kmeans_plusplus(X[drawn], weights, k, 2 + int(np.log(k)), seed, False)]
