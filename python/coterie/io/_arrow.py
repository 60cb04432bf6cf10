"""Columns to Arrow: text without nulls, labels as text, other columns as the narrowest common type."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coterie._validation import require_extra

if TYPE_CHECKING:
    import pyarrow as pa


def is_nested(arrow_type: pa.DataType) -> bool:
    pa = require_extra("pyarrow", "cli")
    return bool(pa.types.is_nested(arrow_type))


def is_textual(values: Any, *, empty_is_textual: bool = False) -> bool:
    """Whether a column holds text: str (and None) values, or an Arrow type that holds characters or bytes.

    A column of nothing but nulls counts only with ``empty_is_textual``.
    """
    if isinstance(values, list):
        kinds = set(map(type, values))
        return kinds <= {str, type(None)} and (empty_is_textual or str in kinds)
    return is_textual_type(values.type, empty_is_textual=empty_is_textual)


def is_textual_type(arrow_type: pa.DataType, *, empty_is_textual: bool = False) -> bool:
    types = require_extra("pyarrow", "cli").types
    if types.is_dictionary(arrow_type):
        return is_textual_type(arrow_type.value_type, empty_is_textual=empty_is_textual)
    if types.is_null(arrow_type):
        return empty_is_textual
    kinds = ("string", "large_string", "binary", "large_binary", "string_view", "binary_view")
    checks = (getattr(types, f"is_{kind}", None) for kind in kinds)  # views came with pyarrow 16
    return any(check(arrow_type) for check in checks if check is not None)


def text_from_values(
    values: Any, encoding_errors: str, max_bytes: int, location: Callable[[int], str]
) -> tuple[pa.LargeStringArray, int]:
    """Turn a textual column into (large_string array without nulls, number of nulls there were)."""
    pa = require_extra("pyarrow", "cli")
    if isinstance(values, list):
        array = pa.array(values, pa.large_string())
    else:
        array = valid_utf8(values, encoding_errors, location)
        _check_lengths(array, max_bytes, location)
    n_null = array.null_count
    return (array.fill_null("") if n_null else array), n_null


def _check_lengths(array: pa.LargeStringArray, max_bytes: int, location: Callable[[int], str]) -> None:
    pc = require_extra("pyarrow.compute", "cli")
    lengths = pc.binary_length(array)
    longest = pc.max(lengths)
    if (longest.as_py() or 0) > max_bytes:
        raise ValueError(
            f"{location(pc.index(lengths, longest).as_py())}: the text has {longest} bytes, more than "
            f"max_document_bytes={max_bytes}; raise max_document_bytes to read it"
        )


def valid_utf8(values: pa.Array, encoding_errors: str, location: Callable[[int], str]) -> pa.LargeStringArray:
    """Turn a textual Arrow array into large_string, checking what files only promise."""
    pa = require_extra("pyarrow", "cli")
    values.validate(full=False)
    if pa.types.is_dictionary(values.type):
        blob = pa.DictionaryArray.from_arrays(values.indices, _binary_entries(values)).dictionary_decode()
    else:
        blob = values.cast(pa.large_binary())
    blob.validate(full=True)
    array = blob.view(pa.large_string())
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        texts = [
            None if value is None else decode(value, encoding_errors, partial(location, row))
            for row, value in enumerate(blob.to_pylist())
        ]
        return pa.array(texts, pa.large_string())
    return array


def _binary_entries(values: pa.DictionaryArray) -> pa.LargeBinaryArray:
    pa = require_extra("pyarrow", "cli")
    values.validate(full=False)
    entries = values.dictionary.cast(pa.large_binary())
    entries.validate(full=True)
    return entries


def decoded_lengths(values: Any) -> NDArray[np.int64] | None:
    """Return the bytes of each row of a dictionary of texts once it is decoded; None for any other column."""
    if not require_extra("pyarrow", "cli").types.is_dictionary(values.type) or not is_textual(values):
        return None
    pc = require_extra("pyarrow.compute", "cli")
    lengths = pc.binary_length(_binary_entries(values)).take(values.indices)
    return np.asarray(lengths.fill_null(0), dtype=np.int64)


def decode(data: bytes, encoding_errors: str, location: Callable[[], str]) -> str:
    """Decode UTF-8, or raise a ValueError that says where the first bad byte is and which option reads on."""
    try:
        return data.decode("utf-8", errors=encoding_errors)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{location()}: byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8 "
            f'({error.reason}); encoding_errors="replace" reads such bytes as U+FFFD'
        ) from None


def labels_from_values(
    values: Any, encoding_errors: str, location: Callable[[int], str]
) -> pa.LargeStringArray:
    """Turn a column of single values into text; null for None, NaN and empty text. Lists are a TypeError."""
    pa = require_extra("pyarrow", "cli")
    if not isinstance(values, list):
        textual = is_textual(values)
        values = (valid_utf8 if textual else checked_column)(values, encoding_errors, location)
        values = plain_values(values)
    return pa.array([_label(value) for value in values], pa.large_string())


def plain_values(values: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return Python values; times as text, because Arrow's reach further than Python's."""
    pa = require_extra("pyarrow", "cli")
    plain: list[Any] = (values.cast(pa.string()) if pa.types.is_temporal(values.type) else values).to_pylist()
    return plain


def _label(value: object) -> str | None:
    if isinstance(value, list | dict | tuple):
        raise TypeError(f"{str(value)[:80]} is a {'list' if isinstance(value, list) else 'record'}")
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | float):
        return json.dumps(value)
    return str(value)


def column_from_values(values: list[Any]) -> pa.Array:
    """Turn Python values into an Arrow array; values of several kinds, and records, are kept as JSON text."""
    pa = require_extra("pyarrow", "cli")
    if not any(_is_deep(value) for value in values):
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            pass  # no common type
    return pa.array([_as_json_text(value) for value in values], pa.string())


def checked_column(
    values: Any, encoding_errors: str, location: Callable[[int], str]
) -> pa.Array | pa.ChunkedArray:
    """Make a column that is kept safe to use: Python values become Arrow, Arrow from a file is validated."""
    if isinstance(values, list):
        return column_from_values(values)
    types = require_extra("pyarrow", "cli").types
    if types.is_string(values.type) or types.is_large_string(values.type):
        return valid_utf8(values, encoding_errors, location)
    try:
        values.validate(full=True)
    except require_extra("pyarrow", "cli").ArrowInvalid:
        if not is_textual(values):
            raise
        return valid_utf8(values, encoding_errors, location)  # a dictionary of texts
    return values


def _is_deep(value: object) -> bool:
    # A record per row whose keys are all different would give Arrow a struct of (rows x keys) cells.
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict | list) for item in value)
    )


def _as_json_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def table_of(columns: Mapping[str, Any], n_rows: int) -> pa.Table:
    """Make a table that knows its number of rows even without columns."""
    pa = require_extra("pyarrow", "cli")
    if columns:
        return pa.table(dict(columns))
    return pa.table({"": pa.nulls(n_rows)}).select([])


def common_type(types: Iterable[pa.DataType]) -> pa.DataType | None:
    """Return the type that columns of these types are widened to, None where that is JSON text."""
    pa = require_extra("pyarrow", "cli")
    tables = [pa.table({"": pa.array([], arrow_type)}) for arrow_type in types]
    try:
        return pa.concat_tables(tables, promote_options="permissive").schema.field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None


def as_json_column(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Turn a column into JSON text, as those are that have no type in common."""
    pa = require_extra("pyarrow", "cli")
    return pa.array([_as_json_text(value) for value in plain_values(values)], pa.large_string())


def concat_columns(arrays: Sequence[pa.Array | pa.ChunkedArray]) -> pa.ChunkedArray:
    """Join pieces of one column, widened to a common type, or as JSON text where there is none."""
    pa = require_extra("pyarrow", "cli")
    tables = [pa.table({"": array}) for array in arrays]
    try:
        return pa.concat_tables(tables, promote_options="permissive").column(0)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.chunked_array([as_json_column(array) for array in arrays], pa.large_string())


def concat_tables(tables: Sequence[pa.Table]) -> pa.Table:
    """Stack tables with different columns, in order of first appearance; missing columns are null."""
    pa = require_extra("pyarrow", "cli")
    names: Iterable[str] = dict.fromkeys(name for table in tables for name in table.column_names)
    columns = {
        name: concat_columns(
            [t.column(name) if name in t.column_names else pa.nulls(t.num_rows) for t in tables]
        )
        for name in names
    }
    return table_of(columns, sum(table.num_rows for table in tables))
