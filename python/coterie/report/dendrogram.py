"""The tree that hierarchical clustering made of the clusters, as lines to draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_LEAVES = 60


@dataclass(frozen=True)
class Dendrogram:
    """Lines and leaves of a tree that grows to the right.

    Attributes
    ----------
    leaves : list of list of int
        The clusters at each leaf, from the top down: one, or several that the picture does not tell apart.
    x, y : list of float or None
        One bracket of four points for each merge, separated by None: distances, and heights with leaf i at i.
    """

    leaves: list[list[int]]
    x: list[float | None]
    y: list[float | None]


def draw_tree(tree: NDArray[np.float64], most_leaves: int = MOST_LEAVES) -> Dendrogram:
    """Lay out the last merges of a linkage matrix; of two branches, the one with fewer documents comes first.

    Parameters
    ----------
    tree : ndarray of shape (n_clusters - 1, 4)
        At least one merge, as in :attr:`coterie.cluster.HierarchicalClustering.cluster_tree_`.
    most_leaves : int, default=60
        Earlier merges are not drawn where there are more clusters.

    Returns
    -------
    Dendrogram

    Examples
    --------
    >>> import numpy as np
    >>> from coterie.report.dendrogram import draw_tree
    >>> drawn = draw_tree(np.array([[0, 1, 0.5, 20], [2, 3, 0.9, 25]]))
    >>> drawn.leaves, drawn.x
    ([[2], [0], [1]], [0.0, 0.5, 0.5, 0.0, None, 0.0, 0.9, 0.9, 0.5, None])
    """
    n_clusters = len(tree) + 1
    children = tree[:, :2].astype(np.int64)
    sizes = np.concatenate([np.zeros(n_clusters), tree[:, 3]])
    first_drawn = n_clusters + max(0, len(tree) - (most_leaves - 1))
    order: list[int] = []
    waiting = [2 * n_clusters - 2]
    while waiting:
        node = waiting.pop()
        if node < first_drawn:
            order.append(node)
        else:
            a, b = sorted(children[node - n_clusters].tolist(), key=lambda child: (sizes[child], child))
            waiting += [b, a]
    at = {node: (0.0, float(height)) for height, node in enumerate(order)}
    x: list[float | None] = []
    y: list[float | None] = []
    for node in range(first_drawn, 2 * n_clusters - 1):
        (x1, y1), (x2, y2) = sorted((at[int(c)] for c in children[node - n_clusters]), key=lambda p: p[1])
        distance = float(tree[node - n_clusters, 2])
        at[node] = (distance, (y1 + y2) / 2)
        x += [x1, distance, distance, x2, None]
        y += [y1, y1, y2, y2, None]
    return Dendrogram([_clusters_below(node, children, n_clusters) for node in order], x, y)


def _clusters_below(node: int, children: NDArray[np.int64], n_clusters: int) -> list[int]:
    found, waiting = [], [node]
    while waiting:
        node = waiting.pop()
        if node < n_clusters:
            found.append(node)
        else:
            waiting += children[node - n_clusters].tolist()
    return sorted(found)
