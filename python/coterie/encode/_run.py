"""Texts to rows: each different text once, tokens ahead of the model, batches of similar lengths, order restored."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie.encode._engines import is_out_of_memory
from coterie.encode._sinks import RowSink
from coterie.encode._tokens import TokenizedTexts

WINDOW_TEXTS = 8192  # tokenized and sorted together
WINDOW_CHARACTERS = 1 << 24
LEAST_BATCH_TOKENS = 256
BATCHES_AT_LEAST = 16  # what few texts are cut into, whatever the number of threads

# Token ids (n, length) padded with 0 and the lengths -> what the sink takes: float32 rows (n, dim), or where they are.
RunBatch = Callable[[NDArray[np.int64], NDArray[np.int64]], Any]


@dataclass
class EncodingStatistics:
    """What a call of an encoder did.

    Attributes
    ----------
    n_texts, n_distinct : int
        Texts that were given, and that were encoded: identical texts are encoded once.
    n_tokens, n_padding : int
        Tokens of the distinct texts after truncation, and positions of batches that were only padding.
    n_truncated : int
        Distinct texts that were longer than ``max_length``.
    n_empty : int
        Distinct texts without a single token; their rows are zero.
    n_batches, n_halved : int
        Batches that were run, and how often one had to be halved because it did not fit into memory.
    seconds : float
        Wall-clock time of the call.
    """

    n_texts: int = 0
    n_distinct: int = 0
    n_tokens: int = 0
    n_padding: int = 0
    n_truncated: int = 0
    n_empty: int = 0
    n_batches: int = 0
    n_halved: int = 0
    seconds: float = 0.0
    _lock: Any = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, **amounts: int) -> None:
        """Add to the counters, from any thread.

        Parameters
        ----------
        **amounts : int
            By the name of the counter.
        """
        with self._lock:
            for name, amount in amounts.items():
                setattr(self, name, getattr(self, name) + amount)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())


@dataclass(frozen=True)
class Plan:
    """How a call runs: the tokenizer, the model, the most tokens of a batch and the number of threads."""

    tokenize: Callable[[Sequence[str]], TokenizedTexts]
    run: RunBatch
    batch_tokens: int
    n_workers: int


def encode_texts(
    texts: Sequence[str],
    out: RowSink,
    plan: Plan,
    statistics: EncodingStatistics,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Fill ``out`` with the rows of the texts."""
    started = time.perf_counter()
    first_rows: dict[str, int] = {}
    same_as = np.fromiter(
        (first_rows.setdefault(text, i) for i, text in enumerate(texts)), np.int64, len(texts)
    )
    distinct = np.fromiter(first_rows.values(), np.int64, len(first_rows))
    statistics.add(n_texts=len(texts), n_distinct=len(distinct))
    stop = threading.Event()
    ahead = ThreadPoolExecutor(1, "coterie-tokenize")
    workers = ThreadPoolExecutor(plan.n_workers, "coterie-encode")
    n_done = 0

    def encode_batch(tokens: TokenizedTexts, part: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        try:
            _encode_batch(tokens, part, rows, out, plan.run, statistics, stop)
        except BaseException:
            stop.set()  # here, not where the caller comes to see it: batches that wait are not begun
            raise

    try:
        running: deque[tuple[int, list[Future[None]]]] = deque()
        for rows, tokens in _tokenized_ahead(texts, distinct, plan.tokenize, ahead):
            statistics.add(n_tokens=len(tokens.ids), n_truncated=tokens.n_truncated)
            jobs = [
                workers.submit(encode_batch, tokens, part, rows)
                for part in _batches(tokens.lengths, plan.batch_tokens, statistics)
            ]
            _clear_empty(tokens.lengths, rows, out, statistics)
            running.append((len(rows), jobs))
            while len(running) > 1:
                n_done += _finish(running.popleft())
                if progress is not None:
                    progress(n_done, statistics.n_tokens)
        while running:
            n_done += _finish(running.popleft())
            if progress is not None:
                progress(n_done, statistics.n_tokens)
    finally:
        stop.set()  # after Ctrl-C too, batches that wait are not begun
        ahead.shutdown(cancel_futures=True)
        workers.shutdown(cancel_futures=True)
    copies = np.flatnonzero(same_as != np.arange(len(texts)))
    if len(copies):
        out.repeat(copies, same_as[copies])
    statistics.seconds += time.perf_counter() - started


def _finish(window: tuple[int, list[Future[None]]]) -> int:
    n_texts, jobs = window
    for job in jobs:
        job.result()
    return n_texts


def _tokenized_ahead(
    texts: Sequence[str], distinct: NDArray[np.int64], tokenize: Any, ahead: ThreadPoolExecutor
) -> Iterator[tuple[NDArray[np.int64], TokenizedTexts]]:
    """Yield windows of texts with their tokens; the next window is tokenized while the caller has this one."""
    windows = _windows(texts, distinct)

    def begin() -> tuple[NDArray[np.int64], Future[TokenizedTexts]] | None:
        rows = next(windows, None)
        return None if rows is None else (rows, ahead.submit(tokenize, [texts[i] for i in rows]))

    waiting = begin()
    while waiting is not None:
        rows, tokens = waiting
        found = tokens.result()
        waiting = begin()
        yield rows, found


def _windows(texts: Sequence[str], distinct: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    start, n_characters = 0, 0
    for i, row in enumerate(distinct):
        n_characters += len(texts[row])
        if i + 1 - start == WINDOW_TEXTS or n_characters >= WINDOW_CHARACTERS:
            yield distinct[start : i + 1]
            start, n_characters = i + 1, 0
    if start < len(distinct):
        yield distinct[start:]


def _batches(
    lengths: NDArray[np.int64], batch_tokens: int, statistics: EncodingStatistics
) -> Iterator[NDArray[np.int64]]:
    """Cut texts, longest first, into batches of at most ``batch_tokens`` padded tokens, of one text at least.

    The cut depends on the texts alone, never on the number of threads.
    """
    order = np.argsort(-lengths, kind="stable")
    order = order[: np.count_nonzero(lengths)]
    fair_share = int(lengths.sum()) // BATCHES_AT_LEAST
    budget = min(batch_tokens, max(fair_share, LEAST_BATCH_TOKENS))
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        part = order[start : start + max(1, budget // longest)]
        statistics.add(n_padding=longest * len(part) - int(lengths[part].sum()))
        yield part
        start += len(part)


def _clear_empty(
    lengths: NDArray[np.int64], rows: NDArray[np.int64], out: RowSink, statistics: EncodingStatistics
) -> None:
    empty = rows[lengths == 0]
    out.clear(empty)
    statistics.add(n_empty=len(empty))


def _encode_batch(
    tokens: TokenizedTexts,
    part: NDArray[np.int64],
    rows: NDArray[np.int64],
    out: RowSink,
    run: RunBatch,
    statistics: EncodingStatistics,
    stop: threading.Event,
) -> None:
    """Run one batch and put its rows in their places; halve it while it does not fit into memory."""
    if stop.is_set():
        return
    lengths = tokens.lengths[part]
    positions = np.arange(int(lengths[0]))
    places = np.minimum(tokens.offsets[part][:, None] + positions, len(tokens.ids) - 1)
    padded = np.where(positions < lengths[:, None], tokens.ids[places], 0).astype(np.int64)
    try:
        found = run(padded, lengths)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        if len(part) == 1:
            raise MemoryError(
                f"one text of {int(lengths[0])} tokens does not fit into memory; a smaller max_length makes it fit"
            ) from None
        statistics.add(n_halved=1)
    else:
        out.put(rows[part], found)
        statistics.add(n_batches=1)
        return
    half = (len(part) + 1) // 2
    for piece in (part[:half], part[half:]):
        _encode_batch(tokens, piece, rows, out, run, statistics, stop)
