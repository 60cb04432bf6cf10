"""CSR matrices of scipy.sparse.save_npz, read by rows: no more is held than the block that is asked for."""

from __future__ import annotations

import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import DTypeLike, NDArray

from coterie.cluster._returned_memory import empty

# What is on its way from a member of the archive to its array: so little that any allocator uses its memory again.
_PIECE_BYTES = 1 << 16
_LEAST_PLACES = 1 << 13


def read_npz_rows(path: Path, most_rows: int, most_stored: int | None) -> Iterator[sp.csr_array]:
    """Yield the rows of a file in blocks; a block has one row at least, however many elements are stored in it.

    Members are read from front to end, so that their checksums are verified, compressed or not.
    """
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            n_rows, n_features = _shape(archive)
            data = _Member(archive, "data", "fiub")
            indices = _Member(archive, "indices", "iu")
            places = _Member(archive, "indptr", "iu")
            if places.size != n_rows + 1:
                raise ValueError(
                    f"X.indptr must have {n_rows + 1} elements and start at 0; got {places.size}"
                )
            n_stored = min(data.size, indices.size)
            index_type = np.int32 if n_features <= np.iinfo(np.int32).max else np.int64
            for cut in _cuts(places, most_rows, most_stored):
                if cut[-1] > n_stored:
                    raise ValueError(f"X.indptr ends at {cut[-1]}, beyond the {n_stored} stored elements")
                n_here = int(cut[-1] - cut[0])
                rows = data.read(n_here), indices.read(n_here, index_type, n_features), cut - cut[0]
                yield csr_rows(*rows, n_features)
                del rows
    except (ValueError, KeyError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(f"{os.fspath(path)!r} is no CSR matrix of scipy.sparse.save_npz: {error}") from error


def read_npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape, whether columns are stored one after the other, and the type."""
    version = np.lib.format.read_magic(stream)
    read_header = getattr(np.lib.format, f"read_array_header_{min(version[0], 2)}_0")
    try:
        header: tuple[tuple[int, ...], bool, np.dtype[Any]] = read_header(stream)
    except tokenize.TokenError as error:  # of NumPy, which reads some damaged headers as Python
        raise ValueError(f"its header is damaged: {error.args[0]}") from error
    return header


def csr_rows(
    data: NDArray[Any], indices: NDArray[Any], places: NDArray[Any], n_features: int
) -> sp.csr_array:
    """Return a matrix of these arrays; SciPy would copy indices to the wider type of ``places``."""
    fits = int(places[-1]) <= np.iinfo(indices.dtype).max
    arrays = data, indices, places.astype(indices.dtype, copy=False) if fits else places
    return sp.csr_array(arrays, shape=(len(places) - 1, n_features))


def rows_between(matrix: Any, begin: int, end: int) -> sp.csr_array:
    """Return rows of a CSR matrix that share its elements."""
    places = matrix.indptr[begin : end + 1]
    stored = slice(int(places[0]), int(places[-1]))
    return csr_rows(matrix.data[stored], matrix.indices[stored], places - places[0], matrix.shape[1])


def _shape(archive: zipfile.ZipFile) -> tuple[int, int]:
    with archive.open("format.npy") as stream:
        name = np.lib.format.read_array(stream, allow_pickle=False).item()
    name = name.decode("ascii") if isinstance(name, bytes) else name
    if name != "csr":
        raise ValueError(f"its format is {name}, not csr")
    with archive.open("shape.npy") as stream:
        n_rows, n_features = (int(n) for n in np.lib.format.read_array(stream, allow_pickle=False))
    if n_rows < 0 or n_features < 0:
        raise ValueError(f"its shape is {(n_rows, n_features)}")
    return n_rows, n_features


class _Member:
    """An array of the archive, read once from front to end."""

    def __init__(self, archive: zipfile.ZipFile, name: str, kinds: str) -> None:
        info = archive.getinfo(f"{name}.npy")
        self._name = name
        self._stream = archive.open(info)
        shape, _, self._dtype = read_npy_header(self._stream)
        if len(shape) != 1 or self._dtype.kind not in kinds:
            raise ValueError(f"X.{name} must be a list of numbers; got {self._dtype} {shape}")
        self.size = shape[0]
        n_bytes = self.size * self._dtype.itemsize
        if self._stream.tell() + n_bytes != info.file_size:
            raise ValueError(
                f"X.{name} must have {n_bytes} bytes; its archive has {info.file_size} with a header"
            )

    def read(self, n: int, dtype: DTypeLike | None = None, end: int | None = None) -> NDArray[Any]:
        """Return the next elements; ``end`` is what they must be below, and not below 0, before their type changes."""
        values = empty(n, self._dtype if dtype is None else dtype)
        at_once = max(1, _PIECE_BYTES // self._dtype.itemsize)
        for first in range(0, n, at_once):
            n_here = min(at_once, n - first)
            content = self._stream.read(n_here * self._dtype.itemsize)
            if len(content) != n_here * self._dtype.itemsize:
                raise EOFError(f"X.{self._name} is cut short")
            piece = np.frombuffer(content, self._dtype)
            if end is not None and (piece.min() < 0 or piece.max() >= end):
                raise ValueError(
                    f"X.{self._name} must be within [0, {end}); got {piece.min()} to {piece.max()}"
                )
            values[first : first + n_here] = piece
        return values


def _cuts(places: _Member, most_rows: int, most_stored: int | None) -> Iterator[NDArray[np.int64]]:
    """Yield the places at which the rows of each block start, with the end of its last row."""
    n_left = places.size - 1
    held = places.read(1, np.int64)
    if held[0] != 0:
        raise ValueError(f"X.indptr must have {places.size} elements and start at 0; it starts at {held[0]}")
    while True:
        while (
            n_left and len(held) <= most_rows and (most_stored is None or held[-1] - held[0] <= most_stored)
        ):
            more = places.read(min(n_left, max(_LEAST_PLACES, len(held))), np.int64)
            held = np.concatenate([held, more])
            n_left -= len(more)
            if np.any(held[-len(more) :] < held[-len(more) - 1 : -1]):
                raise ValueError("X.indptr must not decrease")
        end = min(len(held) - 1, most_rows)
        if most_stored is not None:
            end = min(end, max(1, int(np.searchsorted(held, held[0] + most_stored, side="right")) - 1))
        yield held[: end + 1]
        held = held[end:]
        if len(held) == 1 and not n_left:
            return
