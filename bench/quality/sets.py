"""The labelled sets: which part, which label, which language. Labels are used to score, never to choose."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
_SAMPLE_SEED = 7


@dataclass(frozen=True)
class LabelledSet:
    """A set of documents with one class each; ``label_of`` gives None where a document has no single class.

    ``folder`` is where its files are, if it is not called like the set.
    """

    name: str
    part: str
    language: str
    label_of: Callable[[dict[str, Any]], str | None]
    folder: str | None = None


@dataclass(frozen=True)
class Documents:
    """What is clustered: texts, the classes of the first of them, which are scored, and how many classes there are."""

    name: str
    language: str
    texts: list[str]
    classes: list[str]

    @property
    def n_classes(self) -> int:
        return len(set(self.classes))

    @property
    def scored(self) -> list[str]:
        return self.texts[: len(self.classes)]


def _label(row: dict[str, Any]) -> str | None:
    return row["label"]


def _only_label(row: dict[str, Any]) -> str | None:
    return row["labels"][0] if len(row["labels"]) == 1 else None


def _first_label(row: dict[str, Any]) -> str | None:
    return row["labels"][0] if row["labels"] else None


def _intent(row: dict[str, Any]) -> str | None:
    return None if row["label"] == "oos" else row["label"]  # out of scope is no intent


def _domain(row: dict[str, Any]) -> str | None:
    return row["domain"]


def _domain_of_intent(row: dict[str, Any]) -> str | None:
    return None if row["label"] == "oos" else row["domain"]


def _parent(row: dict[str, Any]) -> str | None:
    return row["parent"]


SETS = (
    LabelledSet("ag_news", "test", "en", _label),
    LabelledSet("20newsgroups", "test", "en", _label),
    LabelledSet("20newsgroups, groups", "test", "en", _parent, "20newsgroups"),
    LabelledSet("reuters21578", "test", "en", _only_label),
    LabelledSet("banking77", "test", "en", _label),
    LabelledSet("clinc150", "test", "en", _intent),
    LabelledSet("clinc150, domains", "test", "en", _domain_of_intent, "clinc150"),
    LabelledSet("goemotions", "test", "en", _only_label),
    LabelledSet("fdu_mtl_reviews", "test", "en", _domain),
    LabelledSet("arxiv_abstracts", "test", "en", _first_label),
    LabelledSet("arxiv_titles", "train", "en", _label),
    LabelledSet("arxiv_authors", "items", "en", _first_label),
    LabelledSet("movielens_small", "items", "en", _only_label),
    LabelledSet("thucnews_titles", "test", "zh", _label),
    LabelledSet("online_shopping_zh", "test", "zh", _label),
)


def data_folder() -> Path:
    return Path(os.environ.get("COTERIE_DATA") or ROOT.parent / "shared" / "data")


def load(labelled: LabelledSet, limit: int | None, corpus: int | None = None) -> Documents:
    """Read a set; with a limit, a sample that is the same every time.

    With ``corpus``, texts of the rest of the set follow, up to that many in all; nothing of them but the text is kept.
    """
    folder = data_folder() / (labelled.folder or labelled.name)
    pairs = _read(folder / f"{labelled.part}.jsonl.gz", labelled)
    order = np.random.RandomState(_SAMPLE_SEED).permutation(len(pairs))
    n_scored = len(pairs) if limit is None else min(limit, len(pairs))
    scored = [
        pairs[i] for i in (sorted(order[:n_scored].tolist()) if n_scored < len(pairs) else range(len(pairs)))
    ]
    texts, classes = (list(column) for column in zip(*scored, strict=True))
    if corpus is not None:
        rest = [pairs[i][0] for i in order[n_scored:].tolist()]
        for part in sorted({"train", "dev", "test"} - {labelled.part}):
            if (folder / f"{part}.jsonl.gz").exists() and labelled.part != "items":
                rest += [text for text, _ in _read(folder / f"{part}.jsonl.gz", labelled)]
        chosen = np.random.RandomState(_SAMPLE_SEED).permutation(len(rest))[: max(corpus - n_scored, 0)]
        texts += [rest[i] for i in chosen.tolist()]
    return Documents(labelled.name, labelled.language, texts, classes)


def _read(path: Path, labelled: LabelledSet) -> list[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(row["text"], label) for row in rows if (label := labelled.label_of(row)) is not None]
