"""Collapsed Gibbs sampling of the Dirichlet multinomial mixture (Yin and Wang, KDD 2014) on dense counts, float64."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from reference.philox import Philox


def log_joint(X, z, K, alpha, beta):
    m = np.bincount(z, minlength=K)
    n = np.array([X[z == k].sum(axis=0) for k in range(K)], dtype=np.float64)
    V = X.shape[1]
    of_labels = gammaln(K * alpha) - gammaln(len(z) + K * alpha) + (gammaln(m + alpha) - gammaln(alpha)).sum()
    of_terms = (gammaln(n + beta) - gammaln(beta)).sum()
    return of_labels + of_terms - (gammaln(n.sum(axis=1) + V * beta) - gammaln(V * beta)).sum()


def log_conditional(x, sizes, tokens, alpha, beta):
    """ln p(k | d) up to a constant for a document that ``sizes`` and ``tokens`` do not count."""
    total = tokens.sum(axis=1) + tokens.shape[1] * beta
    terms = (gammaln(tokens + x + beta) - gammaln(tokens + beta)).sum(axis=1)
    return np.log(sizes + alpha) + terms - gammaln(total + x.sum()) + gammaln(total)


def sample(X, K, alpha, beta, n_passes, seed):
    """Labels after n_passes over the documents in order, with the draws of the compiled sampler at block size 1."""
    at = lambda stream, i: Philox(seed, stream).at(i)  # noqa: E731
    z = np.array([at(0, i) * K >> 64 for i in range(len(X))])
    for number in range(1, n_passes + 1):
        for i, x in enumerate(X):
            others = np.arange(len(X)) != i
            sizes = np.bincount(z[others], minlength=K)
            tokens = np.array([X[others & (z == k)].sum(axis=0) for k in range(K)], dtype=np.float64)
            score = log_conditional(x, sizes, tokens, alpha, beta)
            upto = np.cumsum(np.exp(score - score.max()))
            z[i] = np.searchsorted(upto, (at(number, i) >> 11) * 2.0**-53 * upto[-1], side="right")
    return z
