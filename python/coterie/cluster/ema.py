"""Mini-batch K-means whose centres are exponential moving averages."""

from __future__ import annotations

from typing import Any

from coterie._validation import check_real
from coterie.cluster._base import Init
from coterie.cluster.minibatch import MiniBatchKMeans


class EMAKMeans(MiniBatchKMeans):
    """Mini-batch K-means that forgets: each centre is an exponential moving average of the rows it was given.

    :class:`MiniBatchKMeans` weighs all rows since the start alike, those that came while the centres were still poor
    as well. Here the weight of what was seen falls by ``decay`` with each step, so that a centre is the mean of about
    the last ``1 / (1 - decay)`` batches. It is not Lloyd's algorithm: it has no fixed point, its centres keep the
    noise of those batches. Use it where rows keep coming and change, or as a start: ``KMeans(k, init=EMAKMeans())``.

    Parameters
    ----------
    n_clusters, init, max_iter, batch_size, verbose, compute_labels, random_state, tol, max_no_improvement, \
init_size, n_init, reassignment_ratio, metric, n_threads
        As for :class:`MiniBatchKMeans`.
    decay : float, default=0.95
        What is left of the weight of earlier rows after a step, in [0, 1]. 1 is :class:`MiniBatchKMeans`; 0 looks at
        the last batch alone.

    Attributes
    ----------
    cluster_centers_, labels_, inertia_, n_iter_, n_steps_
        As for :class:`MiniBatchKMeans`.

    References
    ----------
    Sculley, "Web-scale k-means clustering", WWW 2010. The average with decay is that of the codebook of van den Oord,
    Vinyals, Kavukcuoglu, "Neural discrete representation learning", NeurIPS 2017, appendix A.1.

    Examples
    --------
    >>> import numpy as np
    >>> from coterie import EMAKMeans
    >>> X = np.repeat(np.array([[0, 0], [9, 9]], dtype=np.float32), 50, axis=0)
    >>> model = EMAKMeans(n_clusters=2, batch_size=20, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_[:, 0].round(3).tolist())
    [0.0, 9.0]
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Init = "k-means++",
        max_iter: int = 100,
        batch_size: int = 1024,
        verbose: int = 0,
        compute_labels: bool = True,
        random_state: Any = None,
        tol: float = 0.0,
        max_no_improvement: int | None = 10,
        init_size: int | None = None,
        n_init: int | str = "auto",
        reassignment_ratio: float = 0.01,
        metric: str = "euclidean",
        n_threads: int | None = None,
        decay: float = 0.95,
    ) -> None:
        super().__init__(
            n_clusters,
            init=init,
            max_iter=max_iter,
            batch_size=batch_size,
            verbose=verbose,
            compute_labels=compute_labels,
            random_state=random_state,
            tol=tol,
            max_no_improvement=max_no_improvement,
            init_size=init_size,
            n_init=n_init,
            reassignment_ratio=reassignment_ratio,
            metric=metric,
            n_threads=n_threads,
        )
        self.decay = decay

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_real("decay", self.decay, minimum=0, maximum=1)

    @property
    def _weight_kept(self) -> float:
        return float(self.decay)
