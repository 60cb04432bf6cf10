"""Exact Lloyd K-means."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coterie import _core
from coterie._device import LentRows, check_device, device_of, open_device
from coterie._earlier_fit import keeps_earlier_fit
from coterie._iterations import report_of_iterations
from coterie._validation import check_boolean, check_n_threads, check_option, rows_argument
from coterie.cluster._base import (
    Centers,
    Init,
    KMeansBase,
    check_sample_weight,
    random_state_of,
    validate_rows,
)
from coterie.cluster._device_memory import check_room
from coterie.cluster._sources import RowSource, source_of


class KMeans(KMeansBase):
    """K-means clustering by Lloyd's algorithm, exact and reproducible to the bit.

    The parameters, attributes and stopping rules are those of :class:`sklearn.cluster.KMeans`. Labels are the argmax
    of a float64 score in one fixed order and centroid sums are integers, so that a fit gives the same bits on any
    number of threads and any instruction set.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters, between 1 and n_samples.
    init : {"k-means++", "k-means||", "random"}, array, callable or estimator, default="k-means++"
        "k-means++" is the greedy variant with 2 + floor(log(n_clusters)) trials a step, on a uniform sample of
        32,768 + 64 * n_clusters rows when there are more; above 64 clusters it chooses among rows drawn by
        "k-means||": five rounds of n_clusters / 2 rows on the same sample (above 4,096 clusters 64 rounds that draw
        the seeds themselves). "random" takes distinct rows. An array of shape (n_clusters, n_features) has the
        centres; a callable gets ``(X, n_clusters, random_state=...)`` and returns them; an estimator, such as
        ``MiniBatchKMeans()`` or ``TwoLevelKMeans()``, is copied and fitted for its ``cluster_centers_``.
    n_init : int or "auto", default="auto"
        Runs from different seeds; the one with the lowest inertia is kept. "auto" means 10 for "random"
        and callables, else 1.
    max_iter : int, default=300
        Most iterations of a run.
    tol : float, default=1e-4
        Stop when the summed squared shift of the centres is at most ``tol`` times the mean variance of the features.
    verbose : int, default=0
        1 prints a line for each iteration, and at the end the filter in use.
    random_state : int, RandomState instance or None, default=None
        Seed. The same int gives the same bits on every machine.
    copy_x : bool, default=True
        Accepted for scikit-learn's sake: ``X`` is never changed.
    algorithm : {"lloyd", "elkan"}, default="lloyd"
        Accepted for scikit-learn's sake: both name the same exact algorithm.
    metric : {"euclidean", "cosine"}, default="euclidean"
        "cosine" is spherical K-means: rows count with unit length, centres have unit length, and the inertia
        is the sum of ``weight * (1 - cosine)``. A zero row has cosine 0 to every centre and gets label 0 by
        the tie rule.
    n_threads : int or None, default=None
        Threads; None means every core the process may use.
    memory_limit : int, str or None, default=None
        Most bytes the fit may take besides what is already held, or a size such as "2GB": rows are read in blocks
        that fit, anew in each iteration. None fits arrays in memory, and other rows in blocks of 64 MiB. Pages of a
        mapped file do not count; the system takes them back.
    checkpoint : path or None, default=None
        A folder that gets the state after each iteration of a fit, replaced as a whole. It makes the fit stream.
    resume : bool, default=False
        Go on from the state in ``checkpoint`` if there is one; the result has the bits of the fit that was not
        interrupted. The state of other rows or parameters is refused.

    device : str, default="cpu"
        "cpu"; "cuda" or "cuda:N", an NVIDIA GPU, where the library was built with CUDA; "auto", where ``X`` lies,
        else a GPU if one can be used, else the CPU. The results have the same bits. What is asked for is what runs,
        or an error says why it cannot. Rows that are streamed pass through the device in blocks; their seeds and what
        is measured of them before the iterations are the CPU's.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features), float32
        Centres; the labels are exactly those of these centres.
    labels_ : ndarray of shape (n_samples,), int32
        Cluster of each row; ties to the lowest number.
    inertia_ : float
        Sum of ``weight * squared distance`` to the own centre (``weight * (1 - cosine)`` for cosine).
    n_iter_ : int
        Iterations of the best run.
    candidates_per_row_ : float
        Centres that the filter left to compare in float64, averaged over the rows looked at; 1 is the least.
    filter_ : str
        The filter in use at the end: "float32", "bfloat16" or "int8", the cheapest on a sample of the rows; for CSR
        rows "int8" (the centres in bytes) or "float32". Results do not depend on it.
    n_features_in_ : int
        Number of features of ``X``.
    feature_names_in_ : ndarray of shape (n_features_in_,), object
        Only when ``X`` has string column names.

    Notes
    -----
    An empty cluster takes the row that is farthest from its centre, as in scikit-learn. One iteration costs
    n_samples * n_clusters * n_features multiply-adds (dense) or nnz * n_clusters (CSR); n_samples x n_clusters
    distances are never stored. float64 input is converted to float32.

    References
    ----------
    Lloyd, "Least squares quantization in PCM", 1982. Arthur and Vassilvitskii, "k-means++: the advantages of careful
    seeding", SODA 2007. Bahmani et al., "Scalable k-means++", VLDB 2012. Dhillon and Modha, "Concept decompositions
    for large sparse text data using clustering", 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from coterie import KMeans
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]], dtype=np.float32)
    >>> kmeans = KMeans(n_clusters=2, random_state=0).fit(X)
    >>> sorted(kmeans.cluster_centers_[:, 0].tolist())
    [1.0, 10.0]
    >>> bool(kmeans.predict([[0, 0]])[0] != kmeans.predict([[12, 3]])[0])
    True
    """

    labels_: NDArray[np.int32]
    inertia_: float
    n_iter_: int
    candidates_per_row_: float
    filter_: str

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Init = "k-means++",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: Any = None,
        copy_x: bool = True,
        algorithm: str = "lloyd",
        metric: str = "euclidean",
        n_threads: int | None = None,
        memory_limit: int | str | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        device: str = "cpu",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.metric = metric
        self.n_threads = n_threads
        self.memory_limit = memory_limit
        self.checkpoint = checkpoint
        self.resume = resume
        self.device = device

    @keeps_earlier_fit
    def fit(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Cluster the rows of ``X``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), path, sequence of paths or callable
            Rows, converted to float32; those of PyTorch or CuPy on a GPU are read there. CSR is used as it is,
            other sparse formats are converted to it.
            Paths are those of :class:`RowFiles`; a callable returns an iterator over blocks of rows (arrays or
            sparse matrices), the same rows each time. These are streamed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, finite and >= 0, not all zero. None means 1.

        Returns
        -------
        self : KMeans
            Fitted; with the same bits whether streamed or not.

        Raises
        ------
        ValueError
            For a parameter out of range, fewer rows than clusters, NaN or infinity, a malformed sparse matrix, rows of
            different widths, a memory limit that is too small, a checkpoint of another fit.
        RuntimeError
            For a device that cannot be used; the message says why.
        MemoryError
            When the device's memory does not suffice; the message says what would.
        TypeError
            For a parameter of the wrong kind.
        FileNotFoundError
            When a file of rows is not there, or not there any more.
        """
        self._check_parameters()
        check_device(self.device)
        check_option("algorithm", self.algorithm, ("lloyd", "elkan"))
        check_boolean("resume", self.resume)
        must_stream = self.memory_limit is not None or self.checkpoint is not None or self.resume
        if must_stream and (place := device_of(X)) is not None:
            raise ValueError(
                f"memory_limit, checkpoint and resume are for rows on the host, which are streamed; X lies on {place}"
            )
        source = source_of(X, must_stream=must_stream)
        best = (
            self._fit_in_memory(X, sample_weight)
            if source is None
            else self._fit_stream(source, sample_weight)
        )
        self.labels_, self.cluster_centers_, self.inertia_, self.n_iter_, _ = best[:5]
        self.candidates_per_row_, self.filter_ = best[5:]
        if self.verbose:
            print(f"Filter {self.filter_}, {self.candidates_per_row_:.3g} candidates per row")
        self._warn_if_fewer_clusters(self.labels_)
        return self

    def _fit_stream(self, source: RowSource, sample_weight: ArrayLike | None) -> _core.LloydRun:
        from coterie.cluster._fit_stream import fit_stream

        n_features, best = fit_stream(self, source, sample_weight)
        self.n_features_in_ = n_features
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return best

    def _samples(self, X: Any, weight: NDArray[np.float64] | None = None) -> _core.AnySamples:
        rows = X.array if isinstance(X, LentRows) else X
        device = open_device(self.device, rows)
        if device is None:
            return self._host_samples(X, weight)
        check_room(device, X, self.n_clusters)
        n_threads = check_n_threads(self.n_threads)
        if isinstance(X, LentRows):
            return X.samples(device, weight, self.metric, n_threads)
        return _core.DeviceSamples(rows_argument(X), weight, self.metric, device, n_threads)

    def _fit_in_memory(self, X: Any, sample_weight: ArrayLike | None) -> _core.LloydRun:
        X = validate_rows(self, X, reset=True, check_finite=False)
        self._check_n_samples(X)
        weight = check_sample_weight(sample_weight, X)
        random = random_state_of(self)
        samples = self._finite_samples(X, weight)
        run_from = self._runs(samples, X.shape[0])
        on_host = isinstance(samples, _core.Samples)

        best: _core.LloydRun | None = None
        for _ in range(self._n_init(when_random=10)):
            centers = self._initial_centers(X, samples, weight, random, check_finite=not on_host)
            run = run_from(centers)
            if best is None or run[2] < best[2]:
                best = run
        assert best is not None  # n_init >= 1
        return best

    def _runs(self, samples: _core.AnySamples, n_samples: int) -> Callable[[Centers], _core.LloydRun]:
        """Return what runs Lloyd's algorithm from given centres."""
        tol, report = float(self.tol), report_of_iterations(self.verbose, n_samples)
        if isinstance(samples, _core.Samples):
            return lambda centers: samples.lloyd(centers, self.max_iter, tol, report, tol_is_relative=True)
        if tol > 0:
            tol *= samples.mean_feature_variance()
        return lambda centers: samples.lloyd(centers, self.max_iter, tol, report)
