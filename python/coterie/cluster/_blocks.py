"""Passes over a source of rows: blocks of bounded size, the next one read while this one is worked on."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from coterie.cluster._csr_files import csr_rows, rows_between
from coterie.cluster._returned_memory import concatenated, empty
from coterie.cluster._sources import Block, RowSource

_BLOCK_BYTES = 64 << 20  # more a block gains nothing
LEAST_ROWS = 256
# A stored element in this block, the next, a piece of the one after and what joins or converts them.
SPARSE_NONZERO_BYTES = 40
SPARSE_ROW_BYTES = 120  # the same for the places of rows; norms, labels and weights
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
_BINARY_UNITS = {"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}


def parse_bytes(name: str, value: object) -> int | None:
    """Return a size in bytes from an int or a string such as "2GB" or "512 MiB"; None stays None."""
    if value is None:
        return None
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?|)b?\s*", value.lower())
        if match is None:
            raise ValueError(f'{name} must be bytes or a size such as "2GB"; got {value!r}')
        return int(float(match[1]) * (_UNITS | _BINARY_UNITS)[match[2]])
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, a string or None; got {type(value).__name__}")
    if value <= 0:
        raise ValueError(f"{name} must be > 0; got {value}")
    return int(value)


def iterating_bytes(n_samples: int, n_elements: int) -> int:
    """Return what Lloyd's iterations keep of rows and of the elements of centres, besides blocks of rows."""
    # Labels and bounds. Sums. Centres: to start from or to save, inside, packed, in a small format, and on the way.
    return 40 * n_samples + n_elements * (8 + 6 * 4)


@dataclass(frozen=True)
class BlockSize:
    """Most rows of a block and, where rows are sparse, most stored elements (one row may have more)."""

    rows: int
    nonzeros: int | None = None


def dense_block_size(limit: int | None, fixed: int, n_features: int, what: str) -> BlockSize:
    """Return the size of blocks of dense rows when ``fixed`` bytes are needed besides the blocks."""
    # This block, the next and a piece of the one after in float32, one more while its type is converted, and the
    # norms, labels and weights of the rows.
    per_row = n_features * (4 + 4 + 4 + 8) + 80
    most = max(LEAST_ROWS, _BLOCK_BYTES // max(1, 4 * n_features))
    if limit is None:
        return BlockSize(most)
    rows = (limit - fixed) // per_row
    if rows < LEAST_ROWS:
        raise _too_small(limit, fixed + LEAST_ROWS * per_row, what)
    return BlockSize(min(most, rows))


def sparse_block_size(
    limit: int | None, fixed: int, nonzeros_per_row: float, n_features: int, what: str
) -> BlockSize:
    """Return the size of blocks of CSR rows; each block may cost packing the centres of all features again."""
    per_row = nonzeros_per_row * SPARSE_NONZERO_BYTES + SPARSE_ROW_BYTES
    # Half of a dense block: a pass over fewer blocks has less to read while it works.
    most = max(_BLOCK_BYTES // 16, 16 * n_features)
    rows = int(most / max(1.0, nonzeros_per_row)) + LEAST_ROWS
    if limit is not None:
        if (limit - fixed) / per_row < LEAST_ROWS:
            raise _too_small(limit, fixed + int(LEAST_ROWS * per_row) + 1, what)
        rows = min(rows, int((limit - fixed) / per_row))
        most = min(most, int(rows * max(1.0, nonzeros_per_row)))
    return BlockSize(rows, most)


def _too_small(limit: int, needed: int, what: str) -> ValueError:
    return ValueError(f"memory_limit={limit} bytes is too small {what}: at least {needed} bytes are needed")


def read_blocks(source: RowSource, most: BlockSize, n_features: int | None = None) -> Iterator[Block]:
    """Yield float32 blocks of at most this size, checked for their width, read ahead by one."""
    with closing(_read_ahead(_sized(source, most, n_features))) as blocks:
        yield from blocks


def _sized(source: RowSource, most: BlockSize, n_features: int | None) -> Iterator[Block]:
    """Cut blocks that are too large and join small ones."""
    first_name, is_sparse = "", False
    waiting, n_waiting, n_stored = list[Block](), 0, 0
    for name, block in source.blocks(most.rows, most.nonzeros):
        if block.ndim != 2:
            raise ValueError(f"{name} must have two dimensions; got {block.ndim}")
        if n_features is None:
            n_features = block.shape[1]
        if not first_name:
            first_name, is_sparse = name, sp.issparse(block)
        if sp.issparse(block) != is_sparse:
            raise ValueError(f"rows must be all dense or all sparse; {name} is not as {first_name} is")
        if block.shape[1] != n_features:
            raise ValueError(
                f"rows must have one width: {name} has {block.shape[1]} features, {first_name} has {n_features}"
            )
        for begin, end in _pieces(block, most):
            piece = _float32(name, _part(block, begin, end))
            stored = piece.nnz if sp.issparse(piece) else 0
            too_many = most.nonzeros is not None and n_stored + stored > most.nonzeros
            if waiting and (n_waiting + piece.shape[0] > most.rows or too_many):
                yield stacked(waiting)
                waiting, n_waiting, n_stored = [], 0, 0
            # An eighth of a block is large enough: to join it with others would cost a copy.
            is_large = most.nonzeros is not None and stored * 8 >= most.nonzeros
            if piece.shape[0] == most.rows or (not waiting and is_large):
                yield piece
                continue
            waiting.append(piece)
            n_waiting += piece.shape[0]
            n_stored += stored
    if waiting:
        yield stacked(waiting)


def _pieces(block: Block, most: BlockSize) -> Iterator[tuple[int, int]]:
    """Yield where a block is cut."""
    n_rows, begin = block.shape[0], 0
    while begin < n_rows:
        end = min(begin + most.rows, n_rows)
        if most.nonzeros is not None and sp.issparse(block):
            places = block.indptr
            fitting = int(np.searchsorted(places, places[begin] + most.nonzeros, side="right")) - 1
            end = min(end, max(fitting, begin + 1))
        yield begin, end
        begin = end


def _part(block: Block, begin: int, end: int) -> Block:
    """Return rows of a block, not copied."""
    if end - begin == block.shape[0]:
        return block
    return rows_between(block, begin, end) if sp.issparse(block) else block[begin:end]


def _float32(name: str, rows: Block) -> Block:
    if rows.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold numbers; got {rows.dtype}")
    with np.errstate(over="ignore"):  # an overflow to infinity is refused with its row
        if sp.issparse(rows):
            return _sparse_float32(rows)
        return np.ascontiguousarray(rows, dtype=np.float32)


def _sparse_float32(rows: Block) -> sp.csr_array:
    rows = sp.csr_array(rows)
    if rows.dtype == np.float32:
        return rows
    data = empty(len(rows.data), np.float32)
    np.copyto(data, rows.data, casting="unsafe")
    return csr_rows(data, rows.indices, rows.indptr, rows.shape[1])


def stacked(pieces: list[Block]) -> Block:
    """Return blocks of one type below each other."""
    if len(pieces) == 1:
        return pieces[0]
    if not sp.issparse(pieces[0]):
        return np.concatenate(pieces)
    places, n_stored = [np.zeros(1, np.int64)], 0
    for piece in pieces:
        places.append(piece.indptr[1:].astype(np.int64) + n_stored)
        n_stored += int(piece.indptr[-1])
    data = concatenated([piece.data[: piece.indptr[-1]] for piece in pieces])
    indices = concatenated([piece.indices[: piece.indptr[-1]] for piece in pieces])
    return csr_rows(data, indices, np.concatenate(places), pieces[0].shape[1])


class _End:
    """What the reader sends last: the exception that ended it, or None."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def _read_ahead(blocks: Iterator[Block]) -> Generator[Block]:
    """Read in a thread: one block is being worked on, one is ready or being read, never more."""
    ready: queue.SimpleQueue[Block | _End] = queue.SimpleQueue()
    slots = threading.Semaphore(2)
    stopped = threading.Event()

    def read() -> None:
        error = None
        try:
            while True:
                slots.acquire()
                if stopped.is_set():
                    break
                block: Any = next(blocks, None)
                if block is None:
                    break
                ready.put(block)
                del block
        except BaseException as raised:  # carried to the consumer, which raises it
            error = raised
        ready.put(_End(error))

    # A daemon: a source that hangs must not keep an interrupted process alive.
    reader = threading.Thread(target=read, name="coterie-reader", daemon=True)
    try:
        reader.start()
    except RuntimeError as error:  # the system gives no thread, that is, no memory for its stack
        raise MemoryError(str(error)) from error
    try:
        while not isinstance(block := ready.get(), _End):
            yield block
            del block
            slots.release()
        if block.error is not None:
            raise block.error
    finally:
        stopped.set()
        slots.release()
        reader.join(timeout=0.5)
