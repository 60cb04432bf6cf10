"""fastText models (.bin): a dictionary, and a matrix with a row per word and per bucket of character n-grams.

The vector of a word is the mean of its own row, if the dictionary has it, and of the rows of its n-grams, so that
words the model has never seen have vectors too. P. Bojanowski, E. Grave, A. Joulin and T. Mikolov, "Enriching word
vectors with subword information", TACL 2017. The file need not be trusted: every number is checked against its size,
and the matrix is mapped, so that only the rows in use are read.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

MAGIC = (793712314).to_bytes(4, "little")
_VERSIONS = (11, 12)
_HEAD = struct.Struct("<2i12id")  # magic, version; dim to lrUpdateRate; t
_DICTIONARY = struct.Struct("<3i2q")  # entries, words, labels; tokens, pruned n-grams
_SHAPE = struct.Struct("<?2q")  # whether it is quantised; rows, columns
_ENTRY_TAIL = 9  # int64 count, int8 kind
_SUPERVISED = 3
_MOST_DIMENSIONS, _MOST_NGRAM, _MOST_WORD_BYTES = 1 << 16, 64, 1 << 16
_FNV_OFFSET, _FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)


@dataclass(frozen=True)
class FastTextModel:
    """``rows`` (n_words + n_buckets, dim), of which word i has row i; n-grams of least to most characters."""

    path: Path
    words: dict[str, int]
    rows: NDArray[np.float32]
    n_words: int
    n_buckets: int
    least: int
    most: int

    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of some words (len(words), dim); one without any row has a zero vector."""
        owners, rows = self._ngrams(words)
        known = np.array([self.words.get(word, -1) for word in words], np.int64)
        owners = np.concatenate([np.flatnonzero(known >= 0), owners])
        rows = np.concatenate([known[known >= 0], rows])
        used, columns = np.unique(rows, return_inverse=True)
        counts = np.bincount(owners, minlength=len(words))
        shares = (1.0 / np.maximum(counts, 1))[owners].astype(np.float32)
        mixing = sp.csr_array((shares, (owners, columns)), shape=(len(words), len(used)))
        table = self.rows[used]
        if not np.isfinite(table).all():
            raise ValueError(f"{os.fspath(self.path)!r}: not all of its numbers are finite")
        return np.asarray(mixing @ table, dtype=np.float32)

    def _ngrams(self, words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (number of the word, row) of every n-gram of <word>, all words at once, a character at a time.

        The hash is FNV-1a of 32 bits over bytes that are sign-extended first, as in fastText.
        """
        marked = [b"<" + word.encode("utf-8", "replace") + b">" for word in words]
        sizes = np.fromiter(map(len, marked), np.int64, len(marked))
        text = np.frombuffer(b"".join(marked), np.uint8)
        begins_character = (text & 0xC0) != 0x80
        extended = text.view(np.int8).astype(np.int32).view(np.uint32)
        owner = np.repeat(np.arange(len(marked)), sizes)
        ends = np.cumsum(sizes)
        start = np.flatnonzero(begins_character)
        owner, end = owner[start], ends[owner[start]]
        is_first = start == end - sizes[owner]
        at, state = start.copy(), np.full(len(start), _FNV_OFFSET)
        found_owners, found_rows = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for n in range(1, self.most + 1):
            open_ = at < end
            for byte in range(4):  # of one character
                more = open_ & (at < end)
                if byte:
                    more[more] = ~begins_character[at[more]]
                state[more] = (state[more] ^ extended[at[more]]) * _FNV_PRIME
                at[more] += 1
            if n >= self.least:
                kept = open_ & ~((n == 1) & (is_first | (at == end)))
                found_owners.append(owner[kept])
                found_rows.append(self.n_words + state[kept].astype(np.int64) % self.n_buckets)
        return np.concatenate(found_owners), np.concatenate(found_rows)


def read_fasttext(path: Path, max_words: int | None) -> FastTextModel:
    """Read a model; of its words the first ``max_words``, all others then have the vectors of their n-grams."""

    def refuse(problem: str) -> NoReturn:
        raise ValueError(f"{os.fspath(path)!r} is not a fastText model that can be read: {problem}")

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if len(data) < _HEAD.size + _DICTIONARY.size:
            refuse("it ends in its header")
        _, version, dim, _, _, _, _, _, _, kind, n_buckets, least, most, _, _ = _HEAD.unpack_from(data)
        n_entries, n_words, n_labels, _, n_pruned = _DICTIONARY.unpack_from(data, _HEAD.size)
        if version not in _VERSIONS:
            refuse(f"version {version}, where {_VERSIONS[0]} or {_VERSIONS[1]} is wanted")
        if version == _VERSIONS[0] and kind == _SUPERVISED:
            most = 0  # what fastText does with such models
        if n_pruned > 0:
            refuse("its n-grams were pruned, as in quantised models (.ftz)")
        most = 0 if n_pruned == 0 else most
        if not 0 < dim <= _MOST_DIMENSIONS or not 0 <= most <= _MOST_NGRAM or least < 0 or n_buckets < 0:
            refuse(
                f"vectors of {dim} numbers, n-grams of {least} to {most} characters in {n_buckets} buckets"
            )
        if n_words < 1 or n_labels < 0 or n_entries != n_words + n_labels or (most > 0 and n_buckets < 1):
            refuse(f"{n_entries} entries that are {n_words} words and {n_labels} labels")
        words, at = _read_words(
            data, n_entries, n_words if max_words is None else min(max_words, n_words), refuse
        )
        if at + _SHAPE.size > len(data):
            refuse("it ends before its vectors")
        is_quantised, n_rows, n_columns = _SHAPE.unpack_from(data, at)
        if is_quantised:
            refuse("its vectors are quantised (.ftz)")
        at += _SHAPE.size
        if n_columns != dim or n_rows != n_words + n_buckets:
            refuse(f"a matrix of {n_rows} x {n_columns}, where {n_words + n_buckets} x {dim} is wanted")
        if at + 4 * n_rows * n_columns > len(data):
            refuse(f"it ends in the middle of its vectors: {len(data)} bytes")
    rows = np.memmap(path, np.dtype("<f4"), "r", at, (n_rows, dim))
    return FastTextModel(path, words, rows, n_words, n_buckets, max(1, least), most)


def _read_words(
    data: mmap.mmap, n_entries: int, wanted: int, refuse: Callable[[str], NoReturn]
) -> tuple[dict[str, int], int]:
    """Read null-terminated words with their counts and kinds, words before labels; return where they end."""
    words: dict[str, int] = {}
    at = _HEAD.size + _DICTIONARY.size
    for i in range(n_entries):
        end = data.find(b"\0", at, at + _MOST_WORD_BYTES)
        if end < 0 or end + 1 + _ENTRY_TAIL > len(data):
            refuse(f"it ends or is damaged after {i} of {n_entries} words")
        if i < wanted:
            words.setdefault(data[at:end].decode("utf-8", "replace"), i)
        at = end + 1 + _ENTRY_TAIL
    return words, at
