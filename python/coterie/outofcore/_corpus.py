"""First reading: the vocabulary with its document frequencies, and what else must be known of all documents."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie.io import atomic_write
from coterie.io._unified import ColumnTypes, RepeatedIds, id_table
from coterie.outofcore._input import Input
from coterie.outofcore._memory import resident_bytes
from coterie.outofcore._work import WorkFolder
from coterie.persistence import load, save
from coterie.text import TfidfVectorizer

_CORPUS, _LABELS, _VOCABULARY = "corpus.json", "labels.npy", "vocabulary"
Count = Callable[[int], None]


@dataclass
class Corpus:
    """All documents but for their texts."""

    n_documents: int
    n_null_texts: int
    n_duplicate_ids: int
    types: ColumnTypes
    id_types: ColumnTypes
    label_names: list[str]
    label_codes: NDArray[np.int32] | None  # -1 for none

    def labels(self) -> NDArray[np.object_] | None:
        """Return the label of each document, None where there is none."""
        if self.label_codes is None:
            return None
        names = np.array([*self.label_names, None], dtype=object)
        return np.asarray(names[self.label_codes])


class Vocabulary:
    """A vectorizer that has counted all documents, and the limits under which its terms are chosen."""

    def __init__(self, min_df: int | float, max_df: int | float, options: dict[str, Any]) -> None:
        self._limits = list(dict.fromkeys([(min_df, max_df), (1, max_df), (1, 1.0)]))
        self._options = options
        self.counted: TfidfVectorizer | None = None

    def is_last(self, vectorizer: TfidfVectorizer) -> bool:
        """Whether no wider limits are left."""
        return (vectorizer.min_df, vectorizer.max_df) == self._limits[-1]

    def new(self) -> TfidfVectorizer:
        low, high = self._limits[0]
        return TfidfVectorizer(min_df=low, max_df=high, **self._options)

    def chosen(self, after: TfidfVectorizer | None = None) -> TfidfVectorizer:
        """Choose the terms under the next limits that leave any."""
        assert self.counted is not None
        first = 0 if after is None else self._limits.index((after.min_df, after.max_df)) + 1
        for low, high in self._limits[first:]:
            vectorizer: TfidfVectorizer = self.counted.set_params(min_df=low, max_df=high)
            vectorizer._replace_totals(vectorizer._totals)
            try:
                vectorizer._settle()
            except ValueError:  # no term is left, or none was there
                if (low, high) == self._limits[-1]:
                    raise
                continue
            return vectorizer
        raise AssertionError("the last limits return or raise")


def read_corpus(
    source: Input, vocabulary: Vocabulary, work: WorkFolder, limit: int, count: Count
) -> tuple[Corpus, TfidfVectorizer]:
    """Count all terms within ``limit`` bytes, or load what an earlier run has counted."""
    if work.file(_CORPUS).exists() and work.file(_VOCABULARY).exists():
        loaded: TfidfVectorizer = load(work.file(_VOCABULARY))
        return _load(work), loaded
    corpus = _count(source, vocabulary, limit, count)
    if corpus.n_documents == 0:
        raise ValueError(f"no documents in {', '.join(source.paths)}")
    vectorizer = vocabulary.chosen()
    keep_vocabulary(vectorizer, work)
    _save(corpus, work)
    return corpus, vectorizer


def keep_vocabulary(vectorizer: TfidfVectorizer, work: WorkFolder) -> None:
    """Replace the vocabulary that a later run goes on with."""
    work.remove(_VOCABULARY)
    save(vectorizer, work.file(_VOCABULARY))


def count_again(source: Input, vocabulary: Vocabulary, limit: int, count: Count) -> None:
    """Count the terms once more, for a run that was resumed after it had counted them."""
    if vocabulary.counted is None:
        _count(source, vocabulary, limit, count)


def _count(source: Input, vocabulary: Vocabulary, limit: int, count: Count) -> Corpus:
    vectorizer = vocabulary.new()
    corpus = Corpus(0, 0, 0, ColumnTypes(), ColumnTypes(), [], None)
    ids = RepeatedIds() if source.options.get("id_field") is not None else None
    codes: list[NDArray[np.int32]] = []
    names: dict[str, int] = {}
    with closing(source.batches()) as batches:
        for batch in batches:
            vectorizer.partial_fit(batch.texts)
            corpus.n_documents += len(batch)
            corpus.n_null_texts += batch.n_null_texts
            corpus.types.add(batch.columns)
            corpus.id_types.add(id_table(batch.ids))
            if ids is not None:
                ids.add(batch.ids)
            if batch.labels is not None:
                values = batch.labels.to_pylist()
                batch_codes = [-1 if v is None else names.setdefault(v, len(names)) for v in values]
                codes.append(np.array(batch_codes, np.int32))
            held = resident_bytes()
            if held > limit:
                raise ValueError(
                    f"memory_limit={limit} bytes is too small: the vocabulary of the first {corpus.n_documents:,} "
                    f"documents takes this process to {held} bytes"
                )
            count(corpus.n_documents)
    if ids is not None:
        corpus.n_duplicate_ids = ids.count()
    corpus.label_names, corpus.label_codes = list(names), np.concatenate(codes) if codes else None
    vocabulary.counted = vectorizer
    return corpus


def _save(corpus: Corpus, work: WorkFolder) -> None:
    if corpus.label_codes is not None:
        with atomic_write(work.file(_LABELS), overwrite=True) as staged:
            np.save(staged, corpus.label_codes)
    work.write_json(
        _CORPUS,
        {
            "n_documents": corpus.n_documents,
            "n_null_texts": corpus.n_null_texts,
            "n_duplicate_ids": corpus.n_duplicate_ids,
            "types": corpus.types.to_json(),
            "id_types": corpus.id_types.to_json(),
            "label_names": corpus.label_names,
            "has_labels": corpus.label_codes is not None,
        },
    )


def _load(work: WorkFolder) -> Corpus:
    content = work.read_json(_CORPUS)
    codes = np.load(work.file(_LABELS), allow_pickle=False) if content.pop("has_labels") else None
    for name in ("types", "id_types"):
        content[name] = ColumnTypes.from_json(content[name])
    return Corpus(**content, label_codes=codes)
