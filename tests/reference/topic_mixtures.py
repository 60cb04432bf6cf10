"""Folding in: the mixture of a new document under given topics, float64."""

from __future__ import annotations

import numpy as np


def topic_mixture(x, phi, alpha, n_iter):
    """theta ~ alpha + expected tokens of each topic; phi of shape (n_topics, n_terms)."""
    theta = alpha.astype(np.float64)
    for _ in range(n_iter if x.any() else 0):
        theta = alpha + theta * (phi @ (x / (theta @ phi)))
    return theta / theta.sum()
