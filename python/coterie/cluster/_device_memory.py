"""What a fit of K-means takes of a device's memory."""

from __future__ import annotations

from typing import Any

import scipy.sparse as sp

from coterie import _core
from coterie._device import LentRows

# Of each row: norms, label, member, bound, places in the lists of rows to look at and of uncertain ones,
# 16 candidates, distance, weight.
_ROW_BYTES = 132
_SEEDING_ROW_BYTES = 88  # of a row to draw seeds from: distances to ten rows, its norm
_FIXED_BYTES = 64 << 20  # the context's own kernels and queues, the ends of blocks


def device_bytes(
    n_samples: int, n_features: int, n_clusters: int, n_stored: int | None, *, lent: bool
) -> int:
    """Return the bytes of a fit; ``n_stored`` None for dense rows, ``lent`` for rows that lie there already."""
    padded = -(-n_features // 32) * 32
    if n_stored is None:
        rows = n_samples * ((0 if lent else 4 * n_features) + 2 * padded + _ROW_BYTES)
        sampled = min(n_samples, 32768 + 64 * n_clusters)
        seeding = n_samples * (0 if lent else 4 * n_features) + sampled * (
            4 * n_features + _SEEDING_ROW_BYTES
        )
        centres = n_clusters * 12 * n_features + -(-n_clusters // 128) * 128 * 2 * padded
    else:
        rows = 8 * n_stored + n_samples * (8 + _ROW_BYTES)
        share = min(1.0, (32768 + 64 * n_clusters) / max(1, n_samples))  # share of the rows
        seeding = 8 * n_stored + 8 * n_samples + int(share * (8 * n_stored + n_samples * _SEEDING_ROW_BYTES))
        seeding += 64 * n_features  # eight of the rows, by column
        centres = -(-n_clusters // 16) * 16 * 12 * n_features
    return max(rows + centres, seeding) + _FIXED_BYTES


def check_room(device: _core.Device, X: Any, n_clusters: int) -> None:
    """Refuse rows that will not fit, before they are copied; say what would."""
    n_samples, n_features = X.shape
    lent, n_stored = isinstance(X, LentRows), X.nnz if sp.issparse(X) else None
    needed = device_bytes(n_samples, n_features, n_clusters, n_stored, lent=lent)
    free = device.free_memory
    if needed <= free:
        return
    n_none = device_bytes(0, n_features, n_clusters, None if n_stored is None else 0, lent=lent)
    fitting = max(0, int(n_samples * (free - n_none) / max(1, needed - n_none)))
    streamed = "" if lent else 'memory_limit="4GB" streams all of them through the device; '
    raise MemoryError(
        f"n_samples={n_samples}, n_features={n_features} and n_clusters={n_clusters} take about {_gb(needed)} of "
        f"the memory of device {device.index} ({device.name}), and {_gb(free)} are free: about {fitting} rows would "
        f"fit; {streamed}device='cpu' fits them on the host"
    )


def _gb(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.2f} GB"
