"""From scores to probabilities and thresholds, learnt on scores of documents that the model had not seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

_MAX_ITER = 100
_RIDGE = 1e-6
# Below this F1 a threshold is not worth having.
_LEAST_F1 = 0.1


def fit_sigmoid(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Return (a, b) of P(positive | s) = 1 / (1 + exp(-(a s + b))), a >= 0: Platt scaling.

    Newton's method on the log likelihood with Platt's smoothed targets (n+ + 1) / (n+ + 2) and 1 / (n- + 2), which
    keep a and b finite where the scores separate the classes (Platt 1999; Lin, Lin and Weng 2007).
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    design = np.column_stack([scores, np.ones_like(scores)])
    at = np.array([0.0, np.log((n_positive + 1) / (n_negative + 1))])
    loss = _loss(design @ at, target)
    for _ in range(_MAX_ITER):
        p = expit(design @ at)
        gradient = design.T @ (p - target)
        hessian = design.T @ (design * (p * (1 - p))[:, None]) + _RIDGE * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-10 and _loss(design @ (at - size * step), target) > loss:
            size /= 2
        at = at - size * step
        new = _loss(design @ at, target)
        if loss - new < 1e-12 * max(loss, 1.0):
            break
        loss = new
    if at[0] < 0:  # scores that rank backwards say nothing; the share of positives is what is left
        return 0.0, float(np.log((n_positive + 1) / (n_negative + 1)))
    return float(at[0]), float(at[1])


def _loss(z: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float(np.sum(np.logaddexp(0, z) - target * z))


def best_threshold(probability: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Return the threshold t whose rule "probability >= t" has the best F1; 0.5 where no document is positive.

    Halfway between the lowest probability kept and the highest left out; of equal F1 the one nearest to 0.5. Where no
    rule reaches an F1 of 0.1 the probabilities do not find the label, and the best rule is to give it to nearly all;
    the threshold is then halfway between the highest probability and 1 (SCutFBR.1: Yang, "A study on thresholding
    strategies for text categorization", SIGIR 2001; Lewis et al., JMLR 2004).
    """
    n_positive = int(positive.sum())
    if n_positive == 0:
        return 0.5
    order = np.argsort(-probability, kind="stable")
    p, hits = probability[order], np.cumsum(positive[order])
    f1 = 2 * hits / (np.arange(1, len(p) + 1) + n_positive)
    ends = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)  # equal probabilities go together
    if f1[ends].max() < _LEAST_F1:
        return float((p[0] + 1) / 2)
    below = np.append(p[ends[:-1] + 1], 0.0)
    thresholds = (p[ends] + below) / 2
    best = np.flatnonzero(f1[ends] == f1[ends].max())
    return float(thresholds[best[np.argmin(np.abs(thresholds[best] - 0.5))]])
