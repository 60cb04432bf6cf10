"""The inertia of an iteration: labels by float64 score, distances in float64, their sum rounded once."""

import math

import numpy as np

from tests.reference.assign_labels import assign_labels


def inertia(X, centers, weight):
    """sum_i w_i |x_i - c|^2, each term in float64 with 8 partial sums over j mod 8, the sum rounded once."""
    labels = assign_labels(X, centers)
    terms = []
    for x, c, w in zip(X.astype(np.float64), centers.astype(np.float64)[labels], weight, strict=True):
        p = [0.0] * 8
        for j, difference in enumerate(x - c):
            p[j % 8] += difference * difference
        terms.append(w * (((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]))))
    return math.fsum(terms)
