"""Rows that can be read again and again in blocks: arrays, files of rows, callables that restart."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie._excerpt import excerpt
from coterie._validation import require_extra
from coterie.cluster._csr_files import read_npy_header, read_npz_rows, rows_between

PathArgument = str | os.PathLike[str]
Block = Any  # two-dimensional: ndarray, or a SciPy CSR array

_COLUMNAR = (".parquet", ".arrow", ".feather", ".ipc")
_SUFFIXES = (".npy", ".npz", *_COLUMNAR)


class RowSource(Protocol):
    """What a streamed fit reads its rows from."""

    def blocks(self, rows_per_block: int, stored_per_block: int | None = None) -> Iterator[tuple[str, Block]]:
        """Yield all rows in order, with a name for error messages; blocks may be larger than asked for."""
        ...


class ArrayRows:
    """Rows of an array in memory or mapped into it."""

    def __init__(self, X: Any) -> None:
        self._X = X

    def blocks(self, rows_per_block: int, stored_per_block: int | None = None) -> Iterator[tuple[str, Block]]:
        """Yield views."""
        n_rows = self._X.shape[0]
        for first in range(0, n_rows, rows_per_block):
            end = min(first + rows_per_block, n_rows)
            yield "X", rows_between(self._X, first, end) if sp.issparse(self._X) else self._X[first:end]


class CallableRows:
    """Rows of a callable that returns a new iterator of blocks each time."""

    def __init__(self, make: Callable[[], Iterable[Any]]) -> None:
        self._make = make

    def blocks(self, rows_per_block: int, stored_per_block: int | None = None) -> Iterator[tuple[str, Block]]:
        """Yield what the iterator gives."""
        for number, block in enumerate(self._make()):
            yield f"block {number}", sp.csr_array(block) if sp.issparse(block) else np.asarray(block)


class RowFiles:
    """Rows of one or more files, in the order given, for :meth:`KMeans.fit`.

    Parameters
    ----------
    paths : path or sequence of paths
        ``.npy`` files of two dimensions, ``.npz`` files with a CSR matrix (:func:`scipy.sparse.save_npz`), Parquet or
        Arrow files (``.parquet``, ``.arrow``, ``.feather``, ``.ipc``); or one folder, whose files of these kinds are
        taken in order of name.
    column : str, default=None
        For Parquet and Arrow: the column of lists, all of one length. None means the only one. A record batch of an
        Arrow file is read as a whole.

    Raises
    ------
    FileNotFoundError
        When a path is not there.
    ValueError
        For a folder without rows, or another kind of file.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from coterie.cluster import KMeans, RowFiles
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(folder + "/rows.npy", np.array([[0.0], [1.0], [9.0]], np.float32))
    ...     model = KMeans(2, random_state=0).fit(RowFiles(folder))
    >>> sorted(model.cluster_centers_.ravel().tolist())
    [0.5, 9.0]
    """

    def __init__(self, paths: PathArgument | Sequence[PathArgument], *, column: str | None = None) -> None:
        listed = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        if len(listed) == 1 and Path(listed[0]).is_dir():
            folder = Path(listed[0])
            listed = [p for p in sorted(folder.iterdir()) if p.suffix in _SUFFIXES]
            if not listed:
                raise ValueError(f"folder {os.fspath(folder)!r} has no .npy, .npz, Parquet or Arrow file")
        if not listed:
            raise ValueError("paths must name at least one file; got none")
        self.paths = [Path(p) for p in listed]
        self.column = column
        for path in self.paths:
            if path.suffix not in _SUFFIXES:
                raise ValueError(
                    f"file {os.fspath(path)!r} must be {', '.join(_SUFFIXES[:-1])} or {_SUFFIXES[-1]}"
                )
            if not path.is_file():
                raise FileNotFoundError(f"no such file of rows: {os.fspath(path)!r}")

    def blocks(self, rows_per_block: int, stored_per_block: int | None = None) -> Iterator[tuple[str, Any]]:
        """Yield all rows in order.

        Parameters
        ----------
        rows_per_block : int
            Most rows to read at once.
        stored_per_block : int or None, default=None
            Most elements of a CSR matrix to read at once; a block has one row at least. None sets no limit.

        Yields
        ------
        name : str
            The file.
        rows : ndarray or csr_array of shape (n_rows, n_features)
            Rows in the type they are stored in.
        """
        for path in self.paths:
            if path.suffix == ".npz":
                read: Iterator[Any] = read_npz_rows(path, rows_per_block, stored_per_block)
            else:
                read = (_npy_rows if path.suffix == ".npy" else self._list_rows)(path, rows_per_block)
            try:
                for rows in read:
                    yield os.fspath(path), rows
            except FileNotFoundError:
                raise FileNotFoundError(f"file of rows disappeared: {os.fspath(path)!r}") from None
            except (ValueError, OSError) as error:
                if os.fspath(path) in str(error):
                    raise
                raise _unreadable(os.fspath(path), error) from error

    def _list_rows(self, path: Path, rows_per_block: int) -> Iterator[Any]:
        """Read a column of lists of equal length."""
        name = os.fspath(path)
        with path.open("rb") as stream:
            if path.suffix == ".parquet":
                parquet = require_extra("pyarrow.parquet", "cli").ParquetFile(stream)
                column = self._column(name, parquet.schema_arrow)
                batches = parquet.iter_batches(rows_per_block, columns=[column])
            else:
                reader = require_extra("pyarrow.ipc", "cli").open_file(stream)
                column = self._column(name, reader.schema)
                batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
            for batch in batches:
                lists = batch.column(column)
                for first in range(0, len(lists), rows_per_block):
                    yield _rows_of_lists(name, column, lists.slice(first, rows_per_block))

    def _column(self, name: str, schema: Any) -> str:
        types = require_extra("pyarrow.types", "cli")
        lists = [
            f.name
            for f in schema
            if types.is_fixed_size_list(f.type) or types.is_list(f.type) or types.is_large_list(f.type)
        ]
        if self.column is not None:
            if self.column not in lists:
                raise ValueError(f"{name!r} has no column of lists {self.column!r}; it has {lists}")
            return self.column
        if len(lists) != 1:
            raise ValueError(
                f"{name!r} must have one column of lists; it has {lists}: RowFiles(column=...) picks one"
            )
        return str(lists[0])


def _unreadable(name: str, error: ValueError | OSError) -> Exception:
    """Return the error with the name of the file, which NumPy and Arrow leave out."""
    if isinstance(error, OSError) and error.errno is not None:
        return OSError(error.errno, error.strerror, name)
    return ValueError(f"file of rows {name!r} cannot be read: {error}")


def _refuse_texts(paths: Sequence[PathArgument]) -> None:
    first = paths[0]
    if not isinstance(first, str) or os.path.exists(first):
        return
    suffix = Path(first).suffix
    if not suffix or " " in suffix:
        raise TypeError(
            f"X must be rows of numbers, or files of them; got the text {excerpt(first, 60)!r}: "
            "coterie.TfidfVectorizer makes rows of texts"
        )


def source_of(X: Any, *, must_stream: bool) -> RowSource | None:
    """Return how to stream ``X``, or None when it is to be fitted in memory."""
    if isinstance(X, RowFiles):
        return X
    if isinstance(X, str | os.PathLike):
        return RowFiles(X)
    if isinstance(X, list | tuple) and X and all(isinstance(p, str | os.PathLike) for p in X):
        _refuse_texts(X)
        return RowFiles(X)
    if callable(X):
        return CallableRows(X)
    if not must_stream:
        return None
    if sp.issparse(X):
        return ArrayRows(sp.csr_array(X))
    rows = np.asanyarray(X)
    if rows.ndim != 2:
        raise ValueError(f"Expected 2D array, got {rows.ndim}D array instead: X must have rows and features")
    return ArrayRows(rows)


def _npy_rows(path: Path, rows_per_block: int) -> Iterator[Any]:
    """Read a .npy file by pieces; nothing is mapped, so that what is resident is what was asked for."""
    name = os.fspath(path)
    with path.open("rb") as stream:
        try:
            shape, is_fortran, dtype = read_npy_header(stream)
        except ValueError as error:
            raise ValueError(f"{name!r} is no .npy file: {error}") from error
        if len(shape) != 2 or dtype.hasobject:
            raise ValueError(f"{name!r} must hold a two-dimensional array of numbers; got {dtype} {shape}")
        n_rows, width = shape
        begin = stream.tell()

        def values(first: int, n_wanted: int) -> NDArray[Any]:
            stream.seek(begin + first * dtype.itemsize)
            read = np.fromfile(stream, dtype, n_wanted)
            if len(read) != n_wanted:
                part, length = ("column", n_rows) if is_fortran else ("row", width)
                raise ValueError(f"{name!r} ends within {part} {(first + len(read)) // length} of {shape}")
            return read

        for first in range(0, n_rows, rows_per_block):
            n_read = min(rows_per_block, n_rows - first)
            if is_fortran:
                columns = np.empty((width, n_read), dtype)
                for j in range(width):
                    columns[j] = values(j * n_rows + first, n_read)
                yield np.ascontiguousarray(columns.T)
            else:
                yield values(first * width, n_read * width).reshape(n_read, width)


def _rows_of_lists(name: str, column: str, lists: Any) -> Any:
    values = lists.flatten()
    if lists.null_count or values.null_count:
        raise ValueError(f"column {column!r} of {name!r} must have no null")
    width, rest = divmod(len(values), max(1, len(lists)))
    lengths = (
        lists.value_lengths().to_numpy(zero_copy_only=False) if hasattr(lists, "value_lengths") else None
    )
    if rest or (lengths is not None and (lengths != width).any()):
        raise ValueError(f"column {column!r} of {name!r} must have lists of one length")
    return values.to_numpy(zero_copy_only=False).reshape(len(lists), width)
