"""Which clusterer a short name on the command line stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from coterie._device import check_device
from coterie._validation import check_option
from coterie.cluster._neighbour_graph import METRICS
from coterie.cluster.bisecting import BisectingKMeans
from coterie.cluster.density import DBSCAN, HDBSCAN
from coterie.cluster.hierarchical import LINKAGES, HierarchicalClustering
from coterie.cluster.kmeans import KMeans
from coterie.cluster.minibatch import MiniBatchKMeans
from coterie.cluster.spectral import SpectralClustering


@dataclass(frozen=True)
class _Kind:
    """Who makes a clusterer, and which arguments it takes."""

    make: Callable[..., Any]
    options: tuple[str, ...]
    takes_n_clusters: bool = True
    is_random: bool = True
    takes_jaccard: bool = False


_KINDS: dict[str, _Kind] = {
    "kmeans": _Kind(KMeans, ("n_init", "max_iter", "device")),
    "minibatch": _Kind(MiniBatchKMeans, ("n_init", "max_iter")),
    **{
        linkage: _Kind(
            partial(HierarchicalClustering, linkage=linkage),
            ("distance_threshold",),
            takes_jaccard=linkage != "ward",
        )
        for linkage in LINKAGES
    },
    "hdbscan": _Kind(HDBSCAN, ("min_cluster_size", "min_samples"), False, False, True),
    "dbscan": _Kind(DBSCAN, ("eps", "min_samples"), False, False, True),
    "spectral": _Kind(SpectralClustering, ("n_neighbors",), takes_jaccard=True),
    "bisecting": _Kind(BisectingKMeans, ("n_init", "max_iter")),
}
CLUSTERERS = tuple(_KINDS)
_JACCARD = ("jaccard", "weighted_jaccard")


def takes_n_clusters(name: str) -> bool:
    """Say whether a clusterer is told the number of clusters; the others find it.

    Parameters
    ----------
    name : str
        One of ``CLUSTERERS``.

    Returns
    -------
    bool
        False for "hdbscan" and "dbscan".

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> from coterie.cluster.factory import takes_n_clusters
    >>> takes_n_clusters("ward"), takes_n_clusters("hdbscan")
    (True, False)
    """
    return _KINDS[check_option("clusterer", name, CLUSTERERS)].takes_n_clusters


def options_of(name: str) -> tuple[str, ...]:
    """Return the names of the options that a clusterer takes.

    Parameters
    ----------
    name : str
        One of ``CLUSTERERS``.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> from coterie.cluster.factory import options_of
    >>> options_of("dbscan")
    ('eps', 'min_samples')
    """
    return _KINDS[check_option("clusterer", name, CLUSTERERS)].options


def make_clusterer(
    name: str,
    *,
    n_clusters: int | str | None = None,
    metric: str = "cosine",
    random_state: Any = 0,
    n_threads: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """Return the clusterer that a short name stands for, not yet fitted.

    Parameters
    ----------
    name : str
        "kmeans", "minibatch", "ward", "average", "complete", "single" (:class:`HierarchicalClustering` with that
        linkage), "hdbscan", "dbscan", "spectral" or "bisecting"; ``CLUSTERERS`` lists them.
    n_clusters : int, "auto" or None, default=None
        None for "hdbscan" and "dbscan", which find it, and with the option ``distance_threshold``.
    metric : {"cosine", "euclidean", "jaccard", "weighted_jaccard"}, default="cosine"
        The Jaccard distances are for the linkages other than "ward", "hdbscan", "dbscan" and "spectral".
    random_state : int, RandomState or None, default=0
        The seed of clusterers that draw random numbers.
    n_threads : int or None, default=None
        None means all cores.
    options : mapping of str to object, optional
        ``n_init`` and ``max_iter`` (kmeans, minibatch, bisecting), ``distance_threshold`` (the linkages),
        ``min_cluster_size`` (hdbscan), ``min_samples`` (hdbscan, dbscan), ``eps`` (dbscan), ``n_neighbors``
        (spectral), ``device`` (kmeans; the others run on the CPU and take "cpu" and "auto").

    Returns
    -------
    estimator
        A clusterer of scikit-learn's kind: ``fit(X)``, ``labels_``.

    Raises
    ------
    ValueError
        For an unknown name, an option or metric that the clusterer does not take, a number of clusters where it
        finds it, or none where it needs one.

    Examples
    --------
    >>> from coterie.cluster.factory import make_clusterer
    >>> make_clusterer("ward", n_clusters=3).linkage
    'ward'
    >>> make_clusterer("kmeans", n_clusters=3, options={"eps": 0.5})
    Traceback (most recent call last):
    ValueError: eps is no option of kmeans, which takes n_init, max_iter, device
    """
    kind = _KINDS[check_option("clusterer", name, CLUSTERERS)]
    given = dict(options or {})
    if "device" in given and "device" not in kind.options:
        _refuse_gpu(name, given.pop("device"))
    for option in given:
        if option not in kind.options:
            raise ValueError(f"{option} is no option of {name}, which takes {', '.join(kind.options)}")
    if check_option("metric", metric, METRICS) in _JACCARD and not kind.takes_jaccard:
        raise ValueError(f"metric must be 'euclidean' or 'cosine' for {name}; got {metric!r}")
    if kind.takes_n_clusters and "distance_threshold" not in given:
        if n_clusters is None:
            raise ValueError(f"n_clusters must be given for {name}; got None")
    elif n_clusters is not None:
        why = "with distance_threshold" if kind.takes_n_clusters else f"for {name}, which finds it"
        raise ValueError(f"n_clusters must not be given {why}; got {n_clusters}")
    if kind.takes_n_clusters:
        given["n_clusters"] = n_clusters
    if kind.is_random:
        given["random_state"] = random_state
    return kind.make(metric=metric, n_threads=n_threads, **given)


def _refuse_gpu(name: str, device: object) -> None:
    if check_device(device) not in ("auto", "cpu"):
        raise ValueError(f"device={device!r} is for kmeans; {name} runs on the CPU")
