"""Rows that bring a filter's bounds to their limits."""

import numpy as np

KINDS = (
    "normal",
    "duplicates",
    "near ties",
    "all equal",
    "small integers",
    "huge",
    "tiny",
    "denormal",
    "mixed norms",
    "offset",
    "zero rows",
)


def adversarial(kind, n, d, random):
    X = random.standard_normal((n, d)).astype(np.float32)
    if kind == "duplicates":
        X = X[random.integers(0, max(1, n // 4), n)]
    elif kind == "near ties":
        X = np.float32(1) + random.integers(-2, 3, (n, d)).astype(np.float32) * np.float32(2**-23)
    elif kind == "all equal":
        X = np.broadcast_to(X[:1], X.shape).copy()
    elif kind == "small integers":
        X = random.integers(-2, 3, (n, d)).astype(np.float32)
    elif kind == "huge":
        X *= np.float32(1e30)
    elif kind == "tiny":
        X *= np.float32(1e-30)
    elif kind == "denormal":
        X *= np.float32(1e-40)
    elif kind == "mixed norms":
        X *= np.float32(10.0) ** random.integers(-30, 19, (n, 1)).astype(np.float32)
    elif kind == "offset":
        X += np.float32(1e8)
    elif kind == "zero rows":
        X[random.random(n) < 0.5] = 0
    return X
