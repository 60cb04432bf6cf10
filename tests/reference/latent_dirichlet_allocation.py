"""Latent Dirichlet allocation in float64: the joint probability, the sampler with its draws, and folding in."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from reference.philox import philox4x32


def log_joint(d, w, z, shape, alpha, beta):
    """ln p(w, z) of tokens with documents d, terms w and topics z; alpha of shape (K,)."""
    C_dk, C_wk = np.zeros((shape[0], len(alpha))), np.zeros((shape[1], len(alpha)))
    np.add.at(C_dk, (d, z), 1)
    np.add.at(C_wk, (w, z), 1)
    docs = (gammaln(C_dk + alpha) - gammaln(alpha)).sum() - (
        gammaln(C_dk.sum(axis=1) + alpha.sum()) - gammaln(alpha.sum())
    ).sum()
    V = shape[1]
    terms = (gammaln(C_wk + beta) - gammaln(beta)).sum()
    return docs + terms - (gammaln(C_wk.sum(axis=0) + V * beta) - gammaln(V * beta)).sum()


def tokens(X):
    d, w = np.nonzero(X)
    n = X[d, w].astype(int)
    return np.repeat(d, n), np.repeat(w, n)


def words(seed, stream, counter):
    return philox4x32([counter & 0xFFFFFFFF, counter >> 32, stream, 0], [seed & 0xFFFFFFFF, seed >> 32])


def sample(X, K, alpha, beta, n_iter, seed):
    """Topics of the tokens after n_iter iterations; alpha is one number here, so that the prior is uniform."""
    d, w = tokens(X)
    by_term = np.argsort(w, kind="stable")
    z = np.zeros(len(w), dtype=int)
    for q, i in enumerate(by_term):
        r = words(seed, 0, q)
        z[i] = int(((r[0] << 32 | r[1]) >> 11) * 2.0**-53 * K)
    proposals = z.copy()
    for iteration in range(1, n_iter + 1):
        for phase, (group, order, prior) in enumerate([(d, np.arange(len(d)), alpha), (w, by_term, beta)]):
            total = np.bincount(z, minlength=K) + X.shape[1] * beta
            r = {}  # two tokens share the four words of a counter
            for q, i in enumerate(order):
                r[i] = words(seed, 2 * iteration + phase, q // 2)[q % 2 * 2 :][:2]
            for g in np.unique(group):
                members = order[group[order] == g]
                _accept(z, members, proposals, total, prior, r)
                for place, i in enumerate(members):
                    u = r[i][1] * 2.0**-32 * (len(members) - 1 + K * prior)
                    if u < len(members) - 1:
                        proposals[i] = z[members[int(u) + (int(u) >= place)]]
                    else:
                        proposals[i] = min(int((u - len(members) + 1) / prior), K - 1)
    return z


def _accept(z, members, proposals, total, prior, r):
    local = np.bincount(z[members], minlength=len(total)) + prior
    for i in members:
        own = np.arange(len(total)) == z[i]
        rest, rest_total, s, t = local - own, total - own, z[i], proposals[i]
        if (r[i][0] >> 8) * 2.0**-24 * rest[s] * rest_total[t] < rest[t] * rest_total[s]:
            local[s] -= 1
            local[t] += 1
            z[i] = t
