"""Raw documents as users have them -> batches that the compiled counter takes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core
from coterie._validation import check_one_column

# A batch is a sequence of documents, or the (offsets, bytes) of an Arrow string array.
ArrowParts = list[NDArray[Any]]
Batch = _core.Strings | ArrowParts

# A generator is read in batches of at most this many documents and about this many characters.
BATCH_DOCUMENTS = 16384
BATCH_CHARACTERS = 1 << 23


def document_batches(raw_documents: Any, *, nested: bool, arrow: bool) -> Iterator[Batch]:
    """Split ``raw_documents`` into batches.

    nested: a list, tuple, array or series that a generator yields is a batch of documents (not one document).
    arrow: Arrow string arrays are passed on as they are; otherwise as Python strings.
    """
    if isinstance(raw_documents, str):
        raise ValueError("Iterable over raw text documents expected, string object received.")
    check_one_column("raw_documents", raw_documents)
    if _is_arrow(raw_documents):
        yield from _arrow_batches(raw_documents, arrow)
    elif hasattr(raw_documents, "__len__"):
        yield _core.Strings(raw_documents if type(raw_documents) in (list, tuple) else tuple(raw_documents))
    else:
        yield from _generated_batches(iter(raw_documents), nested, arrow)


def _generated_batches(items: Iterator[Any], nested: bool, arrow: bool) -> Iterator[Batch]:
    batch: list[Any] = []
    n_characters = 0
    for item in items:
        if nested and _is_batch(item):
            if batch:
                yield _core.Strings(batch)
                batch, n_characters = [], 0
            yield from document_batches(item, nested=False, arrow=arrow)
            continue
        batch.append(item)
        n_characters += len(item) if isinstance(item, str) else 0
        if len(batch) >= BATCH_DOCUMENTS or n_characters >= BATCH_CHARACTERS:
            yield _core.Strings(batch)
            batch, n_characters = [], 0
    if batch:
        yield _core.Strings(batch)


def _is_batch(item: Any) -> bool:
    return isinstance(item, list | tuple | np.ndarray) or _is_arrow(item) or type(item).__name__ == "Series"


def _is_arrow(value: Any) -> bool:
    pyarrow = sys.modules.get("pyarrow")
    return pyarrow is not None and isinstance(value, pyarrow.Array | pyarrow.ChunkedArray)


def _arrow_batches(column: Any, arrow: bool) -> Iterator[Batch]:
    import pyarrow as pa

    row = 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        if not arrow or pa.types.is_binary(chunk.type) or pa.types.is_large_binary(chunk.type):
            yield _core.Strings(chunk.to_pylist())
            continue
        if chunk.null_count:
            null = row + int(np.flatnonzero(chunk.is_null().to_numpy(zero_copy_only=False))[0])
            raise AttributeError(f"document {null} is null; expected a string")
        row += len(chunk)
        yield _arrow_parts(chunk)


def _arrow_parts(chunk: Any) -> ArrowParts:
    import pyarrow as pa

    if pa.types.is_dictionary(chunk.type):
        chunk = chunk.dictionary_decode()
    if pa.types.is_string_view(chunk.type):
        chunk = chunk.cast(pa.large_string())
    if not (pa.types.is_string(chunk.type) or pa.types.is_large_string(chunk.type)):
        raise TypeError(f"documents must be strings; got an Arrow array of {chunk.type}")
    offset_type = np.int32 if pa.types.is_string(chunk.type) else np.int64
    _, offsets, data = chunk.buffers()
    if len(chunk) == 0 or offsets is None:
        return [np.zeros(1, dtype=offset_type), np.empty(0, dtype=np.uint8)]
    first = np.frombuffer(offsets, dtype=offset_type)[chunk.offset : chunk.offset + len(chunk) + 1]
    return [first, np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, dtype=np.uint8)]


def flatten_features(
    analysed: Iterable[Iterable[Any]], first_row: int
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return all features of all documents end to end, and where each document's begin."""
    features: list[str] = []
    offsets = [0]
    for row, document in enumerate(analysed, start=first_row):
        for feature in document:
            if not isinstance(feature, str):
                raise TypeError(
                    f"the analyzer must yield str; got {feature!r} of type {type(feature).__name__}"
                    f" in document {row}"
                )
            features.append(feature)
        offsets.append(len(features))
    return tuple(features), np.asarray(offsets, dtype=np.int64)
