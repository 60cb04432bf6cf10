"""What ``coterie`` itself offers, loaded when first used.

The estimators import scikit-learn, which takes a second that ``coterie --help`` need not wait (PEP 562). Type checkers
read ``__init__.pyi`` instead.
"""

from __future__ import annotations

import importlib
from typing import Any

# name: the module that has it; a new name is also added to __init__.pyi
HOMES = {
    "CountVectorizer": "coterie.text",
    "HashingVectorizer": "coterie.text",
    "TfidfTransformer": "coterie.text",
    "TfidfVectorizer": "coterie.text",
    "KMeans": "coterie.cluster",
    "MiniBatchKMeans": "coterie.cluster",
    "DirichletMixture": "coterie.topics",
    "LatentDirichletAllocation": "coterie.topics",
    "EMAKMeans": "coterie.cluster",
    "TwoLevelKMeans": "coterie.cluster",
    "cosine_top_k": "coterie.similarity",
    "jaccard_top_k": "coterie.similarity",
    "near_duplicates": "coterie.similarity",
    "LsaEncoder": "coterie.encode",
    "TextClusterer": "coterie.auto",
    "cluster_texts": "coterie.journey",
}
NAMES = [*HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'coterie' has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(NAMES)
