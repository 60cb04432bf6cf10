"""The rows of a stream that are farthest from their centres."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie.cluster._blocks import stacked
from coterie.cluster._sources import Block


@dataclass
class Farthest:
    """The rows farthest from their centres: at most ``most``, by distance, ties to the lowest row."""

    most: int
    distance: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    row: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    values: Any = None

    def offer(self, distance: NDArray[np.float64], first: int, block: Block) -> None:
        """Keep those of a block that are among the farthest so far."""
        rows = np.arange(first, first + len(distance))
        best = np.lexsort((rows, -distance))[: self.most]
        values = rows_at(block, best)
        if self.values is not None:
            values = stacked([self.values, values])
        distance = np.concatenate([self.distance, distance[best]])
        rows = np.concatenate([self.row, rows[best]])
        kept = np.lexsort((rows, -distance))[: self.most]
        self.distance, self.row, self.values = distance[kept], rows[kept], rows_at(values, kept)


def rows_at(rows: Any, which: Any) -> Any:
    """Return some rows, copied."""
    taken = rows[which]
    return np.ascontiguousarray(taken) if isinstance(taken, np.ndarray) else taken
