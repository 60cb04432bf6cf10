"""The fit of KMeans over rows that do not fit into memory."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from coterie import _core
from coterie._device import open_device
from coterie._iterations import report_of_iterations
from coterie.cluster._base import Centers, check_sample_weight, random_state_of
from coterie.cluster._blocks import parse_bytes
from coterie.cluster._checkpoint import Checkpoint, FitState, digest
from coterie.cluster._sources import RowSource
from coterie.cluster._stream import LloydState, Stream


def fit_stream(
    estimator: Any, source: RowSource, sample_weight: ArrayLike | None
) -> tuple[int, _core.LloydRun]:
    """Return the number of features and the best run."""
    if callable(estimator.init) or hasattr(estimator.init, "fit"):
        raise TypeError(
            "init must be a name or an array of centres for X that is streamed; "
            f"got {'an estimator' if hasattr(estimator.init, 'fit') else 'a callable'}"
        )
    limit = parse_bytes("memory_limit", estimator.memory_limit)
    draws_seeds = isinstance(estimator.init, str) and estimator.init != "random"
    options = estimator.metric, estimator.n_threads, limit
    device = open_device(estimator.device)
    stream = Stream(source, estimator.n_clusters, *options, draws_seeds=draws_seeds, device=device)
    estimator._check_n_samples(stream)
    weight = check_sample_weight(sample_weight, stream)
    stream.set_weight(weight)
    checkpoint = _checkpoint(estimator, stream, weight)
    state = checkpoint.load() if checkpoint is not None and estimator.resume else None
    random = random_state_of(estimator) if state is None else state.random
    tol = float(estimator.tol) * stream.mean_feature_variance() if estimator.tol > 0 else 0.0
    report = report_of_iterations(estimator.verbose, stream.shape[0])

    best = None if state is None else state.best
    for run in range(0 if state is None else state.run, estimator._n_init(when_random=10)):
        if state is not None and state.run == run:
            lloyd = state.lloyd
        else:
            lloyd = stream.start(estimator._initial_centers(stream, stream, weight, random))

        def save(lloyd: LloydState, run: int = run, best: _core.LloydRun | None = best) -> None:
            assert checkpoint is not None  # else it is not called
            checkpoint.save(FitState(run, lloyd, best, random))

        found = stream.lloyd(lloyd, estimator.max_iter, tol, report, save if checkpoint else None)
        if best is None or found[2] < best[2]:
            best = found
        del found
    assert best is not None  # n_init >= 1
    return stream.shape[1], best


def _checkpoint(estimator: Any, stream: Stream, weight: Any) -> Checkpoint | None:
    if estimator.checkpoint is None:
        if estimator.resume:
            raise ValueError("resume=True needs checkpoint, the folder to resume from; got checkpoint=None")
        return None
    if not isinstance(estimator.checkpoint, str | os.PathLike):
        raise TypeError(f"checkpoint must be a folder's path or None; got {estimator.checkpoint!r}")
    if not os.fspath(estimator.checkpoint):
        raise ValueError("checkpoint must be a folder's path or None; got ''")
    init: str | Centers = estimator.init
    whole, seed = stream.range, estimator.random_state
    return Checkpoint(
        estimator.checkpoint,
        {
            "n_clusters": int(estimator.n_clusters),
            "init": init if isinstance(init, str) else digest(np.asarray(init, np.float32)),
            "n_init": str(estimator.n_init),
            "max_iter": int(estimator.max_iter),
            "tol": float(estimator.tol),
            "metric": estimator.metric,
            "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
            "sample_weight": digest(weight),
            "X": [*stream.shape, digest(whole.largest), digest(whole.squared_norm_digits)],
        },
    )
