"""How much memory there is, is held, and is needed."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from coterie._validation import require_extra
from coterie.cluster._blocks import LEAST_ROWS, SPARSE_NONZERO_BYTES, SPARSE_ROW_BYTES, iterating_bytes

BYTES_PER_DOCUMENT = 120  # labels, distances and margins, and what the scores make of them
SHARD_BYTES = 8 << 20
_SCRATCH_BYTES = 16 << 20


def machine_memory() -> int:
    """Return the bytes that this machine has, or that its container may use."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        container = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return memory
    return min(memory, int(container)) if container.isdigit() else memory


def resident_bytes() -> int:
    """Return the bytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def release_unused() -> int:
    """Give freed memory back to the system, as far as allocators keep it; return what is resident then."""
    require_extra("pyarrow", "cli").default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)
    return resident_bytes()


def fit_bytes(n_samples: int, n_features: int, n_clusters: int, nonzeros_per_row: float) -> int:
    """Return the least that streaming K-means over CSR shards takes."""
    padding = (-n_clusters % 16) * n_features * (8 + 4)
    iterating = iterating_bytes(n_samples, n_clusters * n_features) + padding
    seeding = min(n_samples, 32768 + 64 * n_clusters) * (24.0 * nonzeros_per_row + 8 * 12)
    block = LEAST_ROWS * (nonzeros_per_row * SPARSE_NONZERO_BYTES + SPARSE_ROW_BYTES)
    return _SCRATCH_BYTES + int(max(iterating, seeding) + block) + 3 * SHARD_BYTES


def explain_bytes(n_documents: int, n_features: int, n_clusters: int) -> int:
    """Return what terms and scores take: two float64 sums per cluster and term, and numbers per document."""
    elements = n_clusters * n_features
    return _SCRATCH_BYTES + 4 * 8 * elements + BYTES_PER_DOCUMENT * n_documents + 8 * SHARD_BYTES
