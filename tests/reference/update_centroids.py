"""Centroids from integer sums, in exact Python integers: q = round(w x 2^e), 2^e just below 2^61 / (max |x| sum w)."""

import math

import numpy as np


def power_of_two_below(total):
    return 2.0 ** (61 - math.frexp(total)[1]) if total else 1.0


def update_centroids(X, labels, centers, weight):
    total_weight = sum(float(w) for w in weight)
    scale = [power_of_two_below(float(m) * total_weight) for m in np.abs(X).max(axis=0)]
    weight_scale = power_of_two_below(total_weight)
    new = centers.copy()
    for c in range(len(centers)):
        rows = np.flatnonzero(labels == c)
        cluster_weight = sum(int(np.rint(weight[i] * weight_scale)) for i in rows) / weight_scale
        for j in range(X.shape[1]) if cluster_weight else ():
            total = sum(int(np.rint(float(weight[i]) * float(X[i, j]) * scale[j])) for i in rows)
            new[c, j] = np.float32(float(total) / scale[j] / cluster_weight)
    return new
