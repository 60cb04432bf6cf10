"""What reading hands out (TextBatch, Corpus), what the readers of the formats hand in (RawBatch), and the
step between: pick the text, id and label columns by name and check their kinds."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from coterie._validation import require_extra
from coterie.io._arrow import (
    checked_column,
    is_nested,
    is_textual,
    labels_from_values,
    table_of,
    text_from_values,
)

if TYPE_CHECKING:
    import pyarrow as pa

TEXT_FIELD = "text"  # the name looked for when none is given, and the name of the one field of plain lines
MAX_LISTED_FIELDS = 30


@dataclass(frozen=True)
class TextBatch:
    """Some consecutive documents of the input.

    Attributes
    ----------
    texts : pyarrow.LargeStringArray of shape (n_documents,)
        The documents, without nulls: a missing text is the empty document.
    ids : pyarrow.Array of shape (n_documents,)
        The id column as it was read, dictionaries decoded; row numbers (int64) from 0 over all files without
        ``id_field``.
    labels : pyarrow.LargeStringArray of shape (n_documents,) or None
        The label column as text, null where the label is missing, empty or NaN; None without ``label_field``.
    columns : pyarrow.Table of n_documents rows
        Every other column.
    n_null_texts : int
        How many of the texts were missing (null), and are empty here.
    """

    texts: pa.LargeStringArray
    ids: pa.Array
    labels: pa.LargeStringArray | None
    columns: pa.Table
    n_null_texts: int

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Corpus(TextBatch):
    """All documents of the input.

    Attributes
    ----------
    texts, ids, labels, columns, n_null_texts
        As in :class:`TextBatch`.
    n_duplicate_ids : int
        How many documents carry an id that an earlier document carries too (such documents are kept).
    """

    n_duplicate_ids: int


@dataclass(frozen=True)
class RawBatch:
    """Columns as a format gave them (Python values or Arrow arrays) and where each row stands in its file."""

    source: str
    columns: Mapping[str, Any]
    n_rows: int
    location: Callable[[int], str]

    def column(self, name: str) -> Any:
        """The values of a field that the file has; nulls when no row of this batch has it."""
        return self.columns.get(name, [None] * self.n_rows)


class FieldPicker:
    """Chooses the text, id and label columns: by name, or once and for all from the first batch with rows."""

    def __init__(
        self,
        text_field: str | None,
        id_field: str | None,
        label_field: str | None,
        encoding_errors: str,
        max_document_bytes: int,
    ) -> None:
        self.text_field = text_field
        self.id_field = id_field
        self.label_field = label_field
        self.encoding_errors = encoding_errors
        self.max_document_bytes = max_document_bytes
        self._checked_source: str | None = None

    def pick(self, raw: RawBatch, first_row: int) -> TextBatch:
        """Split the columns of ``raw``, whose first row is row ``first_row`` of the whole input."""
        pa = require_extra("pyarrow", "cli")
        if self.text_field is None:
            self.text_field = _default_text_field(raw)
        if self._checked_source != raw.source:
            self._check_names(raw)
        texts, n_null_texts = self._texts(raw)
        if self.id_field is None:
            ids = pa.array(np.arange(first_row, first_row + raw.n_rows, dtype=np.int64))
        else:
            ids = self._ids(self.id_field, raw)
        labels = None if self.label_field is None else self._labels(self.label_field, raw)
        picked = (self.text_field, self.id_field, self.label_field)
        kept = {
            name: checked_column(values, self.encoding_errors, raw.location)
            for name, values in raw.columns.items()
            if name not in picked
        }
        return TextBatch(texts, ids, labels, table_of(kept, raw.n_rows), n_null_texts)

    def _check_names(self, raw: RawBatch) -> None:
        """A field that a file does not have at all is an error; one that some rows lack is null there."""
        for parameter in ("text_field", "id_field", "label_field"):
            name = getattr(self, parameter)
            if name is not None and name not in raw.columns:
                close = difflib.get_close_matches(name, raw.columns, n=1)
                hint = f" (did you mean {close[0]!r}?)" if close else ""
                raise ValueError(
                    f"{parameter}={name!r} is not a field of {raw.source}{hint}; {_listed(raw.columns)}"
                )
        self._checked_source = raw.source

    def _texts(self, raw: RawBatch) -> tuple[pa.LargeStringArray, int]:
        assert self.text_field is not None
        values = raw.column(self.text_field)
        if not is_textual(values, empty_is_textual=True):
            wrong = _wrong_text(values)
            where = f"{raw.location(wrong[0])}: a {wrong[1]}" if wrong else f"{raw.source}: {values.type}"
            strings = [name for name, other in raw.columns.items() if is_textual(other)]
            raise ValueError(
                f"text_field={self.text_field!r} must hold text; {where}; text is in {strings or 'no field'}"
            )
        return text_from_values(values, self.encoding_errors, self.max_document_bytes, raw.location)

    def _ids(self, name: str, raw: RawBatch) -> pa.Array:
        types = require_extra("pyarrow", "cli").types
        ids = checked_column(raw.column(name), self.encoding_errors, raw.location)
        if types.is_dictionary(ids.type):
            ids = ids.dictionary_decode()
        if is_nested(ids.type):
            raise ValueError(f"id_field={name!r} must hold single values; {raw.source} has {ids.type}")
        return ids.cast("string") if types.is_null(ids.type) else ids

    def _labels(self, name: str, raw: RawBatch) -> pa.LargeStringArray:
        try:
            return labels_from_values(raw.column(name), self.encoding_errors, raw.location)
        except TypeError as error:
            raise ValueError(
                f"label_field={name!r} must hold one label per document; {raw.source}: {error}"
            ) from None


def _default_text_field(raw: RawBatch) -> str:
    if TEXT_FIELD in raw.columns:
        return TEXT_FIELD
    textual = [name for name, values in raw.columns.items() if is_textual(values)]
    if len(textual) == 1:
        return textual[0]
    raise ValueError(
        f"text_field must be given: {raw.source} has no field {TEXT_FIELD!r} and "
        f"{len(textual) or 'no'} fields of text; {_listed(raw.columns)}"
    )


def _listed(names: Mapping[str, Any]) -> str:
    shown = list(names)[:MAX_LISTED_FIELDS]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"its fields are {', '.join(map(repr, shown))}{more}" if shown else "it has no fields"


def _wrong_text(values: Any) -> tuple[int, str] | None:
    """Find the first value of a Python column that is neither str nor None: (row, its JSON kind)."""
    if not isinstance(values, list):
        return None
    kinds = {dict: "JSON object", list: "JSON list", bool: "JSON boolean"}
    return next(
        (
            (row, kinds.get(type(value), "number"))
            for row, value in enumerate(values)
            if not isinstance(value, str | None)
        ),
        None,
    )
